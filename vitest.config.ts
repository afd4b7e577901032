import { defineConfig } from 'vitest/config';

// Engines share the machine's cores and memory: files run one after another. The limit is for a hang, not for speed.
export default defineConfig({
  test: {
    include: ['tests/**/*.test.ts'],
    pool: 'forks',
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
