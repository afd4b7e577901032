import { defineConfig } from 'vitest/config';
import base from './vitest.config.js';

if (process.getuid?.() !== 0 || process.platform !== 'linux')
  throw new Error('these tests mount file systems and make memory cgroups: run them as root on Linux');

export default defineConfig({
  test: {
    ...base.test,
    include: ['tests/root/**/*.test.ts'],
    env: { FLASHROW_TESTS: 'root' },
    testTimeout: 300_000,
    hookTimeout: 300_000,
  },
});
