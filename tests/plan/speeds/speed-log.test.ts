import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { earlierRuns, type RunKind, runLog } from '../../../dist/src/plan/speeds/run-speeds.js';
import { record, recorded } from '../../../dist/src/plan/speeds/speed-log.js';

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'flashrow-speeds-'));
  file = join(folder, 'speeds.json');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('the log of speeds', () => {
  it('gives the median of the newest five figures', () => {
    expect(recorded(folder, 'a')).toBeNull();
    for (const value of [1000, 5, 1, 4, 2, 3]) record(folder, [{ key: 'a', value }]);
    expect(recorded(folder, 'a')).toMatchObject({ median: 3, count: 5 });
    expect(recorded(folder, 'b')).toBeNull();
    expect(readdirSync(folder)).toEqual(['speeds.json']);
  });

  it('does not grow without end', () => {
    record(
      folder,
      Array.from({ length: 1000 }, (_, i) => ({ key: `kind ${i}`, value: 1 })),
    );
    expect(Object.keys(JSON.parse(readFileSync(file, 'utf8')).speeds)).toHaveLength(200);
  });

  it.each([
    '',
    'null',
    '[]',
    '{"version":2,"speeds":{}}',
    '{"version":1,"speeds":null}',
    '{"version":1,"speeds":{"x":null}}',
  ])('ignores a file of another shape, and writes it anew: %s', (text) => {
    writeFileSync(file, text);
    expect(recorded(folder, 'a')).toBeNull();
    record(folder, [{ key: 'a', value: 7 }]);
    expect(recorded(folder, 'a')?.median).toBe(7);
  });

  it('takes no figure that is none', () => {
    record(
      folder,
      [Number.NaN, 0, -1, Number.POSITIVE_INFINITY].map((value) => ({ key: 'a', value })),
    );
    expect(recorded(folder, 'a')).toBeNull();
  });

  it('is not kept where there is no cache folder, and makes none', () => {
    const none = join(folder, 'none');
    record(none, [{ key: 'a', value: 1 }]);
    expect([recorded(none, 'a'), existsSync(none)]).toEqual([null, false]);
  });
});

describe('runs of a model', () => {
  const kind = (change: Partial<RunKind> = {}): RunKind => ({
    ...{
      store: '/models/a',
      selector: 'router',
      cachePolicy: 'lfu',
      kernels: 'avx2',
      threads: 2,
      cachedShare: 0.31,
      memoryBytes: 1e9,
    },
    ...change,
  });
  const run = { decoded: 20, decodeTokensPerSecond: 1.95, prefilled: 100, prefillTokensPerSecond: 6.6 };

  it('are found again by plans of the same kind, with about as much in the cache', () => {
    const log = runLog(folder, kind());
    log.note(run);
    expect(earlierRuns(folder, kind(), 128)).toBeNull();
    log.keep();
    expect(earlierRuns(folder, kind({ cachedShare: 0.3 }), 128)).toEqual({ decode: 1.95, prefill: 6.6, count: 1 });
    for (const other of [
      { cachedShare: 0.4 },
      { memoryBytes: 1.3e9 },
      { store: '/models/b' },
      { kernels: 'avx512' },
      { threads: 1 },
    ])
      expect(earlierRuns(folder, kind(other), 128)).toBeNull();
  });

  it('tell of first prompts alone, of about as many tokens: later ones find a full cache', () => {
    const log = runLog(folder, kind());
    log.note(run);
    log.note({ ...run, decodeTokensPerSecond: 2, prefillTokensPerSecond: 60 });
    log.keep();
    expect(earlierRuns(folder, kind(), 128)).toEqual({ decode: 2, prefill: 6.6, count: 1 });
    expect(earlierRuns(folder, kind(), 1000)).toEqual({ decode: 2, prefill: null, count: 1 });
  });

  it('are not counted where they are too short to tell, or scored a text', () => {
    const log = runLog(folder, kind());
    log.note({ ...run, decoded: 3 });
    log.note({ decoded: 0, decodeTokensPerSecond: null, prefilled: 5000, prefillTokensPerSecond: 100 });
    log.keep();
    expect(earlierRuns(folder, kind(), 128)).toBeNull();
    log.note({ ...run, prefilled: 100 });
    log.keep();
    expect(earlierRuns(folder, kind(), 128)).toEqual({ decode: 1.95, prefill: null, count: 1 });
  });
});
