import { defineConfig } from 'vitest/config';
import base from './vitest.config.js';

export default defineConfig({
  test: {
    ...base.test,
    include: ['tests/package/**/*.test.ts'],
    testTimeout: 600_000,
    env: { FLASHROW_TESTS: 'package' },
  },
});
