/**
 * Tests that mount file systems, make memory cgroups and write a model of some 400 MB; they run by their own script.
 */
export const isRootRun = process.env.FLASHROW_TESTS === 'root';
export const unlessRootRun = isRootRun ? '' : ' (skipped: needs root and 1 GB of disk; npm run test:root)';
