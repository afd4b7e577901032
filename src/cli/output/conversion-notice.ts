import type { Progress } from '../../contract/api.js';
import { CONVERTED_FILES } from '../../store/manifest.js';
import { formatBytes, formatMs } from './format.js';

/** A cautious pace: the same drive is read and written. */
const BYTES_PER_MS = 200_000;

/** The notice before a checkpoint is converted. */
export function conversionNotice({ totalBytes, damagedFile }: Pick<Progress, 'totalBytes' | 'damagedFile'>): string {
  const what =
    damagedFile === undefined
      ? 'converting the checkpoint once'
      : !CONVERTED_FILES.some((name) => name === damagedFile)
        ? `${damagedFile} has changed since it was converted, so it is converted anew`
        : `the converted model in the cache folder is damaged (${damagedFile}), so the checkpoint is converted anew`;
  return `${what}: ${formatBytes(totalBytes)} to write to the cache folder, ${conversionTime(totalBytes)}`;
}

export function conversionTime(bytes: number): string {
  const ms = bytes / BYTES_PER_MS;
  return ms < 60_000 ? 'less than a minute' : `about ${formatMs(ms)}`;
}
