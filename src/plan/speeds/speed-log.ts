import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { replaceFile } from '../../disk/replace-file.js';

/*
 * What runs and probes measured here, kept in the cache folder, so that forecasts are corrected by it. It is a hint: a
 * file that is damaged or of another shape is ignored, and nothing is kept where there is no cache folder to write to.
 */

const FILE = 'speeds.json';
/** The newest figures of each kind, and the kinds that were measured last. */
const [MOST_FIGURES, MOST_KINDS] = [5, 200];
/** A file that is larger is not ours. */
const MOST_BYTES = 1 << 20;

/** Figures of one kind, oldest first, and when the last one came, ms since 1970. */
interface Series {
  at: number;
  values: number[];
}

/** Another machine on the same folder has other figures. */
const machine = (): string => `${cpus()[0]?.model ?? process.arch} x${cpus().length} ${totalmem()}`;

/** The median of what was measured under a key here, and how often; null where nothing was. */
export function recorded(cacheDir: string, key: string): { median: number; count: number; at: number } | null {
  const series = read(cacheDir).get(`${machine()} ${key}`);
  if (series === undefined) return null;
  const sorted = [...series.values].sort((a, b) => a - b);
  return { median: sorted[sorted.length >> 1], count: sorted.length, at: series.at };
}

/** Adds figures to those that are kept. Whatever fails, they are not kept. */
export function record(cacheDir: string, figures: readonly { key: string; value: number }[]): void {
  if (figures.length === 0) return;
  const series = read(cacheDir);
  for (const { key, value } of figures) {
    if (!isFigure(value)) continue;
    const name = `${machine()} ${key}`;
    const values = [...(series.get(name)?.values ?? []), value].slice(-MOST_FIGURES);
    series.set(name, { at: Date.now(), values });
  }
  const kept = [...series].sort(([, a], [, b]) => b.at - a.at).slice(0, MOST_KINDS);
  const written = JSON.stringify({ version: 1, speeds: Object.fromEntries(kept) });
  try {
    replaceFile(join(cacheDir, FILE), (file) => writeFileSync(file, written));
  } catch {
    // There is no folder to write to.
  }
}

function read(cacheDir: string): Map<string, Series> {
  try {
    const path = join(cacheDir, FILE);
    if (statSync(path).size > MOST_BYTES) return new Map();
    const { version, speeds } = JSON.parse(readFileSync(path, 'utf8'));
    return new Map(version === 1 ? Object.entries(speeds as object).filter(isEntry) : []);
  } catch {
    return new Map();
  }
}

function isEntry(entry: [string, unknown]): entry is [string, Series] {
  const { at, values } = (entry[1] ?? {}) as Partial<Series>;
  return isFigure(at) && Array.isArray(values) && values.length > 0 && values.every(isFigure);
}

const isFigure = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value) && value > 0;
