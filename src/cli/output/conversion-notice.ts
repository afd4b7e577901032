import type { Progress } from '../../contract/progress.js';
import { formatBytes, formatMs } from './format.js';

/** A cautious pace: the same drive is read and written. */
const BYTES_PER_MS = 200_000;

/** The notice before a checkpoint is converted. */
export function conversionNotice({ total, damagedFile }: Pick<Progress, 'total' | 'damagedFile'>): string {
  const what =
    damagedFile === undefined
      ? 'converting the checkpoint once'
      : `the converted model in the cache folder is damaged (${damagedFile}), so the checkpoint is converted anew`;
  return `${what}: ${formatBytes(total)} to write to the cache folder, ${conversionTime(total)}`;
}

export function conversionTime(bytes: number): string {
  const ms = bytes / BYTES_PER_MS;
  return ms < 60_000 ? 'less than a minute' : `about ${formatMs(ms)}`;
}
