import { formatBytes, formatMs } from './format.js';

/** A cautious pace: the same drive is read and written. */
const BYTES_PER_MS = 200_000;

/** What a user is told before a checkpoint is converted. */
export const conversionNotice = (bytes: number): string =>
  `converting the checkpoint once: ${formatBytes(bytes)} to write to the cache folder, ${conversionTime(bytes)}`;

export function conversionTime(bytes: number): string {
  const ms = bytes / BYTES_PER_MS;
  return ms < 60_000 ? 'less than a minute' : `about ${formatMs(ms)}`;
}
