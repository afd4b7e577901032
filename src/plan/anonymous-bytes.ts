import { readFileSync } from 'node:fs';

/**
 * Anonymous + shared resident memory of this process in bytes, without file pages. Outside Linux it is the whole
 * resident set.
 */
export function anonymousBytes(): number {
  try {
    const status = readFileSync('/proc/self/status', 'latin1');
    const kib = (field: string) => Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0);
    return (kib('RssAnon') + kib('RssShmem')) * 1024;
  } catch {
    return process.memoryUsage.rss();
  }
}
