import { availableParallelism } from 'node:os';
import type { SystemMemory } from './addon/exports.js';
import { AddonBridge } from './addon/index.js';
import { loadAddon } from './addon/load.js';
import { type Bridge, BridgeError, type Isa } from './bridge.js';
import { openTwin } from './twin/index.js';

export * from './bridge.js';
export * from './formats.js';
export * from './slots.js';

/** The instruction sets that work here, best first; `ts` always does. */
export function availableIsas(): Isa[] {
  const result = loadAddon();
  return 'reason' in result ? ['ts'] : [...result.addon.isas, 'ts'];
}

/** The reason why only the portable TypeScript twin is there; null where the addon works. */
export function nativeUnavailableReason(): string | null {
  const result = loadAddon();
  return 'reason' in result ? result.reason : null;
}

/**
 * Bytes of one page of the system; allocations are rounded up to whole pages. 4096 without the addon, as TypeScript
 * cannot ask.
 */
export function systemPageBytes(): number {
  const result = loadAddon();
  return 'reason' in result ? 4096 : result.addon.systemPageBytes;
}

/**
 * What Windows and macOS say of memory. Null on systems that tell it by files (/proc/meminfo), and without the addon.
 */
export function systemMemory(): SystemMemory | null {
  const result = loadAddon();
  return 'reason' in result ? null : (result.addon.systemMemory?.() ?? null);
}

/**
 * Sets a variable of the process, for libraries in native code. In a worker thread `process.env` is a copy, which they
 * do not see. False without the addon, where nothing is set.
 */
export function setEnvironmentVariable(name: string, value: string): boolean {
  const result = loadAddon();
  if ('reason' in result) return false;
  result.addon.setEnvironmentVariable(name, value);
  return true;
}

/**
 * Has the kernel lock an open file for this opening of it (flock; LockFileEx on Windows), without waiting. It lets go
 * when the file is closed, however its process ends. `refused` without the addon, and on file systems without locks.
 */
export function lockFile(file: number): 'taken' | 'held' | 'refused' {
  const result = loadAddon();
  return 'reason' in result ? 'refused' : (result.addon.lockFile?.(file) ?? 'refused');
}

/**
 * Opens a bridge with an instruction set (default: the environment's `FLASHROW_ISA`, else the best there is) and a
 * number of compute threads (default: one per available core). Throws BridgeError USAGE where the set is not available,
 * and names those that are.
 */
export function openBridge(options: { isa?: Isa; threads?: number } = {}): Bridge {
  const available = availableIsas();
  const isa = options.isa ?? (process.env.FLASHROW_ISA || available[0]);
  const found = available.find((name) => name === isa);
  if (found === undefined) {
    const reason = nativeUnavailableReason();
    const why = reason === null ? '' : ` (${reason})`;
    throw new BridgeError(
      'USAGE',
      `no kernels for the instruction set ${isa}; available here: ${available.join(', ')}${why}`,
    );
  }
  const threads = options.threads ?? availableParallelism();
  if (!Number.isInteger(threads) || threads < 1)
    throw new BridgeError('USAGE', `threads must be a whole number from 1, not ${threads}`);
  const result = loadAddon();
  return found === 'ts' || 'reason' in result ? openTwin(threads) : new AddonBridge(result.addon, found, threads);
}
