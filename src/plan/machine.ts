import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { FlashrowError } from '../errors.js';
import { parseBytes, parsePercentage } from './bytes.js';

/** The share of the memory left that a budget takes by default. */
export const DEFAULT_BUDGET_SHARE = 0.6;
const MAX_DEFAULT_THREADS = 8;

/** The caller's budget in bytes; by default 60% of what the cgroup or the machine has left. Throws BAD_USAGE. */
export function budgetBytes(memory: number | string | undefined): number {
  if (memory === undefined) return Math.floor(process.availableMemory() * DEFAULT_BUDGET_SHARE);
  if (typeof memory === 'string') {
    const share = parsePercentage(memory);
    return share === null ? parseBytes(memory) : Math.floor(process.availableMemory() * share);
  }
  if (!Number.isSafeInteger(memory) || memory < 0) {
    throw new FlashrowError('BAD_USAGE', `memory is a whole number of bytes or a text like "1.5GiB", not ${memory}`, {
      option: 'memory',
      value: memory,
    });
  }
  return memory;
}

export function defaultThreads(): number {
  return Math.min(availableParallelism(), MAX_DEFAULT_THREADS);
}

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
