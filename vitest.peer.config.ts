import { defineConfig } from 'vitest/config';
import base from './vitest.config.js';

if (!process.env.FLASHROW_PEER)
  throw new Error('set FLASHROW_PEER to a folder in which node-llama-cpp is installed: its answers are compared with');

export default defineConfig({
  test: { ...base.test, include: ['tests/peer/**/*.test.ts'], env: { FLASHROW_TESTS: 'peer' } },
});
