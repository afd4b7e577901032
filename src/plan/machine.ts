import { availableParallelism } from 'node:os';
import { FlashrowError } from '../errors.js';
import { MEMORY_ACCEPTED, parseBytes, parsePercentage } from './bytes.js';
import { quotaCores } from './cpu-quota.js';
import { memoryLeft } from './memory-left.js';

const MAX_DEFAULT_THREADS = 8;

/** The caller's budget in bytes; null where it is left open. Throws BAD_USAGE. */
export function budgetBytes(memory: number | string | undefined): number | null {
  if (memory === undefined) return null;
  if (typeof memory === 'string') {
    const share = parsePercentage(memory);
    return share === null ? parseBytes(memory) : Math.floor(memoryLeft().availableBytes * share);
  }
  if (!Number.isSafeInteger(memory) || memory < 0) {
    throw new FlashrowError('BAD_USAGE', `memory is ${MEMORY_ACCEPTED}, not ${memory}`, {
      option: 'memory',
      value: memory,
    });
  }
  return memory;
}

/**
 * The cores that this process may use, by its affinity and by the CPU quotas of its control groups, at most 8. A quota
 * is rounded down, as Node does: a thread beyond it makes the others wait while the kernel holds it back.
 */
export function defaultThreads(root = '/'): number {
  const cores = Math.min(availableParallelism(), quotaCores(root) ?? Number.POSITIVE_INFINITY);
  return Math.max(1, Math.min(Math.floor(cores), MAX_DEFAULT_THREADS));
}
