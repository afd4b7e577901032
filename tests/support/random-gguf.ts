import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { sharedPath } from './shared-data.js';

/** Writes GGUF files of a chosen shape with random weights; it comes with the test data. */
const WRITER = sharedPath('../tools/make-gguf.mjs');

export const haveRandomGguf = existsSync(WRITER);
/** The end of a test's name: why it is skipped, or nothing. */
export const withoutRandomGguf = haveRandomGguf ? '' : ` (skipped: no ${WRITER})`;

/** Writes a model; `shape` is what the writer takes. */
export function writeRandom(path: string, shape: Record<string, string | number>): string {
  execFileSync(process.execPath, [WRITER, path, JSON.stringify(shape)]);
  return path;
}
