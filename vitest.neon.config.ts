import { defineConfig } from 'vitest/config';
import base from './vitest.config.js';

if (!process.env.FLASHROW_EMULATED_NODE) throw new Error('tests/neon.sh runs these tests, and says on what');
// Test files are transformed here, by what is built for this machine, and run by workers that are forked from this program.
process.execPath = process.env.FLASHROW_EMULATED_NODE;

export default defineConfig({
  test: {
    ...base.test,
    include: ['tests/native-bridge/**/*.test.ts', 'tests/neon/*.neon.ts'],
    testTimeout: 600_000,
    hookTimeout: 600_000,
  },
});
