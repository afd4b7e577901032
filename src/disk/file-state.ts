import { realpathSync, statSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { fileError } from './files.js';

/**
 * What a file system knows of a file and changes with its bytes. A file in the same state holds the same bytes: the
 * system sets `ctimeNs` at each write, and no program can set it back, as `touch` and `cp -p` do with `mtimeNs`.
 */
export interface FileState {
  /** Absolute, links followed. */
  path: string;
  bytes: number;
  /** ns since 1970, in decimal digits, which a number would round. */
  mtimeNs: string;
  ctimeNs: string;
  inode: string;
}

const SECOND_NS = 1_000_000_000n;
/** Longer than a tick of any kernel, by which file systems take the time. */
const FINE_MS = 50;
/** FAT keeps even seconds. */
const COARSE_MS = 2100;

/** Throws NOT_FOUND or IO. */
export function fileState(path: string): FileState {
  try {
    const { size, mtimeNs, ctimeNs, ino } = statSync(path, { bigint: true });
    return {
      path: realpathSync(path),
      bytes: Number(size),
      mtimeNs: String(mtimeNs),
      ctimeNs: String(ctimeNs),
      inode: String(ino),
    };
  } catch (error) {
    throw fileError(path, error);
  }
}

/**
 * The states of files, from which any later write will differ. A file that was written a moment ago is waited for: a
 * second write in the same tick of the clock would leave its times as they are.
 */
export async function settledStates(paths: readonly string[], signal?: AbortSignal): Promise<FileState[]> {
  for (const path of paths) {
    const ns = BigInt(fileState(path).ctimeNs);
    const tickMs = ns % SECOND_NS === 0n ? COARSE_MS : FINE_MS;
    const ageMs = Date.now() - Number(ns / 1_000_000n);
    if (ageMs < tickMs) await setTimeout(tickMs, undefined, { signal }).catch(() => signal?.throwIfAborted());
  }
  return paths.map(fileState);
}

const KEYS = ['path', 'bytes', 'mtimeNs', 'ctimeNs', 'inode'] as const;

export const isSameState = (a: FileState, b: FileState): boolean => KEYS.every((key) => a[key] === b[key]);
