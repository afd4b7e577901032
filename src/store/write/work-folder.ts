import { existsSync, mkdirSync, readdirSync, rmdirSync, rmSync, statSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { syncFolder } from '../../disk/folder-sync.js';
import { type Lock, removeFolderOfLock, takeLock } from '../../disk/lock.js';
import { FlashrowError } from '../../errors.js';
import { MANIFEST_FILE, partialPath, RESIDENT_FILE, ROWS_FILE } from '../manifest.js';
import type { JournalEntry } from './journal.js';

const JOURNAL_FILE = 'journal';
const LOCK_FILE = 'lock';

/**
 * Makes a folder and those above it. Returns the topmost folder that was missing. Node's own recursive `mkdir` says
 * ENOENT where the file system is read-only.
 */
function makeFolders(path: string): string | undefined {
  if (existsSync(path)) return undefined;
  const made = makeFolders(dirname(path));
  try {
    mkdirSync(path);
  } catch (error) {
    // Another conversion may have been quicker. The lock decides who owns the folder.
    if ((error as NodeJS.ErrnoException).code === 'EEXIST' && statSync(path).isDirectory()) return made;
    throw error;
  }
  return made ?? path;
}

const sizeOf = (path: string) => statSync(path, { throwIfNoEntry: false })?.size ?? 0;

/**
 * `<destination>.partial`: the growing store, the journal of finished steps, and the lock of the process at work. It
 * stands beside the destination, so one rename moves the finished store there.
 */
export class WorkFolder {
  readonly destination: string;
  readonly journal: string;
  /** This folder becomes the destination. */
  readonly store: string;
  readonly #path: string;
  readonly #lock: Lock;
  /** The topmost folder that was made for this conversion. A failure removes it again. */
  readonly #made: string | undefined;

  private constructor(destination: string) {
    this.destination = resolve(destination);
    this.#path = partialPath(destination);
    this.journal = join(this.#path, JOURNAL_FILE);
    this.store = join(this.#path, 'store');
    this.#made = makeFolders(this.#path);
    try {
      this.#lock = takeLock(join(this.#path, LOCK_FILE), 'converting to the same place');
    } catch (error) {
      // With another process's lock inside, the folder is not empty, so it stays.
      this.#removeMade();
      throw error;
    }
  }

  /** Takes the folder for this process. Throws BUSY where another live process has it. */
  static take(destination: string): WorkFolder {
    return new WorkFolder(destination);
  }

  /** Bytes of an unfinished conversion to `destination`. */
  static bytesLeft(destination: string): number {
    const store = join(partialPath(destination), 'store');
    return sizeOf(join(store, ROWS_FILE)) + sizeOf(join(store, RESIDENT_FILE));
  }

  /** True where the store's files are at least as long as `entry` says. */
  holds(entry: JournalEntry | undefined): boolean {
    return (
      entry !== undefined &&
      sizeOf(join(this.store, ROWS_FILE)) >= entry.rows.bytes &&
      sizeOf(join(this.store, RESIDENT_FILE)) >= entry.resident.bytes
    );
  }

  /** Removes the results of an earlier run. */
  clear(): void {
    rmSync(this.journal, { force: true });
    rmSync(this.store, { recursive: true, force: true });
    mkdirSync(this.store);
  }

  /** Moves the finished, synced store to the destination. */
  async finish(): Promise<void> {
    await syncFolder(this.store);
    // Windows does not rename over an empty folder. A folder with files stays, and the rename fails.
    if (existsSync(this.destination)) rmdirSync(this.destination);
    await rename(this.store, this.destination);
    await syncFolder(dirname(this.destination));
    try {
      this.#lock.releaseWithFolder();
    } catch {
      // Another conversion has just taken the folder. It will find the finished store, and remove the folder.
    }
  }

  /** Releases the lock and keeps the folder, so the conversion can resume. */
  release(): void {
    this.#lock.release();
  }

  /** Removes everything that was made for this conversion. */
  discard(): void {
    try {
      this.#lock.releaseWithFolder();
    } catch {
      // A second failure must not hide the first one.
    }
    this.#removeMade();
  }

  #removeMade(): void {
    if (this.#made === undefined) return;
    for (let folder = this.#path; folder.length >= this.#made.length; folder = dirname(folder)) {
      try {
        rmdirSync(folder);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') return;
      }
    }
  }
}

/**
 * Removes what a conversion left beside its finished store where it was ended between moving that and removing its
 * work folder.
 */
export function removeLeft(store: string): void {
  if (existsSync(join(store, MANIFEST_FILE))) removeFolderOfLock(join(partialPath(store), LOCK_FILE), [JOURNAL_FILE]);
}

/** Throws BAD_USAGE unless the destination is absent or an empty folder. */
export function checkDestination(destination: string): void {
  const found = statSync(destination, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isDirectory()) {
    throw new FlashrowError(
      'BAD_USAGE',
      `${destination} is a file; a store is a folder: name one that does not exist`,
      {
        path: destination,
      },
    );
  }
  if (readdirSync(destination).length === 0) return;
  if (existsSync(join(destination, MANIFEST_FILE))) throw finished(destination);
  throw new FlashrowError('BAD_USAGE', `${destination} is not empty; delete it, or choose another place`, {
    path: destination,
  });
}

export const finished = (destination: string): FlashrowError =>
  new FlashrowError('BAD_USAGE', `${destination} already holds a finished store; delete it, or choose another place`, {
    path: destination,
    finished: true,
  });
