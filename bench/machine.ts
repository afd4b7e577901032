import { readdirSync, readFileSync } from 'node:fs';
import { availableParallelism, cpus, release, totalmem, type } from 'node:os';
import { availableIsas } from '../native-bridge/index.js';

export interface Machine {
  cpu: string;
  cores: number;
  memoryBytes: number;
  lastLevelCacheBytes: number;
  kernels: string;
  system: string;
  node: string;
}

const CACHES = '/sys/devices/system/cpu/cpu0/cache';
/** Assumed where the system does not tell: more than most machines have. */
const ASSUMED_CACHE_BYTES = 64 << 20;

/** The machine that figures come from. */
export function describeMachine(): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    lastLevelCacheBytes: lastLevelCacheBytes(),
    kernels: availableIsas()[0],
    system: `${type()} ${release()} ${process.arch}`,
    node: process.version,
  };
}

export function lastLevelCacheBytes(): number {
  try {
    const sizes = readdirSync(CACHES)
      .filter((name) => name.startsWith('index'))
      .map((name) => Number.parseInt(readFileSync(`${CACHES}/${name}/size`, 'latin1'), 10) * 1024);
    return Math.max(...sizes);
  } catch {
    return ASSUMED_CACHE_BYTES;
  }
}

export const machineLine = (machine: Machine): string =>
  `${machine.cpu}, ${machine.cores} cores, ${(machine.memoryBytes / 2 ** 30).toFixed(0)} GiB of memory, ` +
  `${(machine.lastLevelCacheBytes / 2 ** 20).toFixed(0)} MiB of last-level cache, ${machine.system}, node ${machine.node}, kernels ${machine.kernels}`;
