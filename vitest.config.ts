import { defineConfig } from 'vitest/config';
import type { InlineConfig } from 'vitest/node';

/** A suite of tests; one with a guard says what it needs, and stops where that is missing. */
const suite = (name: string, include: string[], test: InlineConfig = {}) => ({
  extends: true as const,
  test: { name, include, env: { FLASHROW_TESTS: name }, ...test },
});
const MINUTE = 60_000;

// The limits are for a hang, not for speed.
const test: InlineConfig & { project: string[] } = {
  globalSetup: './tests/support/fresh-build.ts',
  pool: 'forks',
  // A test of an engine keeps two cores busy, most others one.
  maxWorkers: 2,
  reporters: ['default', './tests/support/list-skipped.ts'],
  testTimeout: 5 * MINUTE,
  hookTimeout: 5 * MINUTE,
  // What runs unless `--project` names another suite. Suites that need more are in it too: skipped, with the reason.
  project: ['unit', 'long'],
  projects: [
    suite('unit', ['tests/**/*.test.ts'], { exclude: ['tests/**/*.long.test.ts', 'tests/fuzz/**'] }),
    suite('long', ['tests/**/*.long.test.ts'], { testTimeout: 10 * MINUTE }),
    suite('fuzz', ['tests/fuzz/**/*.test.ts'], { env: { FLASHROW_FUZZ: process.env.FLASHROW_FUZZ ?? '7000' } }),
    suite('package', ['tests/package/**/*.test.ts'], {
      globalSetup: './tests/package/pack.ts',
      testTimeout: 10 * MINUTE,
    }),
    suite('peer', ['tests/peer/**/*.test.ts'], { globalSetup: './tests/peer/guard.ts' }),
    suite('root', ['tests/root/**/*.test.ts'], {
      globalSetup: './tests/root/guard.ts',
    }),
    suite('neon', ['tests/native-bridge/**/*.test.ts', 'tests/neon/*.neon.ts'], {
      globalSetup: './tests/neon/guard.ts',
      testTimeout: 10 * MINUTE,
      hookTimeout: 10 * MINUTE,
    }),
  ],
};

export default defineConfig({ test });
