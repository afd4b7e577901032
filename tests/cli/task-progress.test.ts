import { tmpdir } from 'node:os';
import { afterEach, expect, test, vi } from 'vitest';
import { withProgress } from '../../dist/src/cli/output/task-progress.js';
import { FlashrowError } from '../../dist/src/errors.js';
import type { Progress } from '../../src/contract/progress.js';

afterEach(() => vi.restoreAllMocks());

const silent = () => vi.spyOn(process.stderr, 'write').mockImplementation(() => true);

/** What a task that is interrupted after `progress` says. */
const interrupted = (progress: Progress, keptIn = 'the cache folder') => {
  silent();
  return withProgress({ keptIn, asked: true }, async (onProgress) => {
    onProgress(progress);
    throw new FlashrowError('ABORTED', 'interrupted');
  }).catch((error) => error.message);
};

test('an interrupted conversion says what is kept, and that the same command goes on', async () => {
  expect(await interrupted({ stage: 'convert', done: 963e6, total: 4.21e9, unit: 'bytes' }, 'store.partial')).toBe(
    'interrupted while converting; 963 MB are kept in store.partial, and the same command goes on from there',
  );
});

test('a conversion that is interrupted before its first tick says what an earlier one left', async () => {
  silent();
  const work = () => Promise.reject(new FlashrowError('ABORTED', 'interrupted'));
  const told = (keptIn: string) => withProgress({ keptIn, asked: true }, work).catch((error) => error.message);
  expect(await told(tmpdir())).toBe(`interrupted; ${tmpdir()} is kept, and the same command goes on from there`);
  expect(await told('/no/such/store.partial')).toBe('interrupted');
});

test('an interrupted calibration says that its work is kept', async () => {
  expect(await interrupted({ stage: 'train', done: 2.5, total: 8, unit: 'layers', layer: 2, rank: 64 })).toBe(
    'interrupted while training; what was done is kept in the store, and the same command goes on from there',
  );
});

test('what keeps nothing says no more than before', async () => {
  expect(await interrupted({ stage: 'verify', done: 1, total: 2, unit: 'bytes' })).toBe('interrupted while verifying');
});

test('a conversion that nobody asked for is announced once, and timed', async () => {
  const written = silent();
  const { result, convertedMs } = await withProgress({ keptIn: 'x', asked: false }, async (onProgress) => {
    for (const done of [0, 1e6, 2e6]) onProgress({ stage: 'convert', done, total: 2e6, unit: 'bytes' });
    return 7;
  });
  expect(result).toBe(7);
  expect(convertedMs).toBeGreaterThanOrEqual(0);
  expect(written.mock.calls.map(([text]) => text)).toEqual([
    'converting the checkpoint once: 2.00 MB to write to the cache folder, less than a minute\n',
  ]);
});
