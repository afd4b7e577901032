import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { progressBar } from '../../dist/src/cli/output/progress.js';
import { formatTimeLeft, plainProgressLine, progressLine } from '../../dist/src/cli/output/progress-line.js';
import { ProgressRate } from '../../dist/src/cli/output/progress-rate.js';
import { writesUtf8 } from '../../dist/src/cli/output/terminal.js';

const converting = {
  label: 'converting',
  share: 0.423,
  done: 1.78e9,
  total: 4.21e9,
  unit: 'bytes',
  perSecond: 310e6,
  secondsLeft: 7.8,
} as const;

describe('the line of a bar', () => {
  test('has a bar, the share, what is left, the rate and the amounts', () => {
    expect(progressLine(converting, 90, false)).toBe(
      'converting [===========-----------------]  42%  8 s left  310 MB/s  1.78 GB of 4.21 GB',
    );
  });

  test('is of blocks in eighths where the locale has them', () => {
    // 42.3% of 11 cells are 4 cells and 5.2 eighths.
    const line = progressLine({ ...converting, secondsLeft: null, perSecond: null, unit: 'share' }, 27, true);
    expect(line).toBe('converting ████▋░░░░░░  42%');
  });

  test.for([10, 20, 40, 60, 80])('fits %i columns, and keeps the percentage', (columns) => {
    const line = progressLine({ ...converting, label: 'training layer 31, rank 1024' }, columns, true);
    expect([...line].length).toBeLessThanOrEqual(columns);
    expect(line).toContain('42%');
  });

  test('cuts its label between words alone', () => {
    const line = (columns: number) => progressLine({ ...converting, label: 'reading the prompt' }, columns, true);
    expect([line(23), line(19), line(12), line(10)]).toEqual([
      'reading the prompt  42%',
      'reading the  42%',
      'reading  42%',
      '42%',
    ]);
  });

  test('without escapes is a sentence', () => {
    expect(plainProgressLine(converting)).toBe('converting: 42%, 8 s left, 310 MB/s, 1.78 GB of 4.21 GB');
  });

  test('says tokens where they are counted, and no rate of what is only a share', () => {
    expect(plainProgressLine({ ...converting, unit: 'tokens', done: 28.4, total: 66, perSecond: 6.12 })).toBe(
      'converting: 42%, 8 s left, 6.1 tokens/s, 28 of 66',
    );
    expect(plainProgressLine({ ...converting, unit: 'share' })).toBe('converting: 42%, 8 s left');
  });

  test('time left grows into minutes and hours', () => {
    expect([0.2, 59, 125, 11_400].map(formatTimeLeft)).toEqual(['1 s', '59 s', '2 min 05 s', '3 h 10 min']);
  });
});

test('a rate is that of the last 15 s, and sinks while nothing comes', () => {
  const rate = new ProgressRate();
  expect(rate.perSecond(0)).toBeNull();
  for (let second = 0; second <= 20; second++) rate.add(second * 100, second * 1000);
  for (let second = 21; second <= 40; second++) rate.add(2000 + (second - 20) * 10, second * 1000);
  expect(rate.perSecond(40_000)).toBe(10);
  expect(rate.perSecond(55_000)).toBe(5);
});

test('block characters are for a locale in UTF-8', () => {
  expect(writesUtf8({ LANG: 'de_CH.UTF-8' }, 'linux')).toBe(true);
  expect(writesUtf8({ LANG: 'de_CH.UTF-8', LC_ALL: 'C' }, 'linux')).toBe(false);
  expect(writesUtf8({}, 'linux')).toBe(false);
  expect(writesUtf8({}, 'darwin')).toBe(true);
});

describe('a bar', () => {
  let written: string[];

  beforeEach(() => {
    written = [];
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
    vi.stubEnv('LC_ALL', 'C');
    vi.stubEnv('TERM', 'xterm');
    vi.spyOn(process.stderr, 'write').mockImplementation((text) => written.push(String(text)) > 0);
    Object.assign(process.stderr, { isTTY: true, columns: 60 });
  });

  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllEnvs();
    vi.restoreAllMocks();
    Object.assign(process.stderr, { isTTY: false });
  });

  const percentages = () => written.flatMap((text) => /(\d+)%/.exec(text)?.[1] ?? []).map(Number);

  test('is there at once, never goes back, and begins anew with a new stage', () => {
    const bar = progressBar();
    bar.update('training', 0, 100, 'share');
    for (const [done, total] of [
      [50, 100],
      [60, 140],
      [90, 140],
    ] as const) {
      bar.update('training', done, total, 'share');
      vi.advanceTimersByTime(100);
    }
    bar.update('measuring', 1, 10, 'share');
    vi.advanceTimersByTime(100);
    bar.stop();
    expect(percentages()).toEqual([0, 50, 50, 64, 10]);
  });

  test('leaves neither wrapping nor cursor changed', () => {
    const bar = progressBar();
    bar.update('loading', 1e6, 2e6, 'bytes');
    bar.stop();
    const [SAVED, PRIVATE_MODE] = ['\u001b7', '\u001b[?'];
    expect(written.join('')).not.toContain(SAVED);
    expect(written.join('')).not.toContain(PRIVATE_MODE);
  });

  test('is nothing where stderr is no terminal', () => {
    Object.assign(process.stderr, { isTTY: false });
    progressBar().update('loading', 1, 2, 'bytes');
    expect(written).toEqual([]);
  });
});
