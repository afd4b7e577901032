import { existsSync, mkdirSync, readdirSync, rmdirSync, rmSync, statSync } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { takeLock } from '../../disk/lock.js';
import { FlashrowError } from '../../errors.js';
import { MANIFEST_FILE, partialPath, RESIDENT_FILE, ROWS_FILE } from '../manifest.js';
import type { JournalEntry } from './journal.js';

/**
 * Makes a folder and those above it; returns the topmost that was missing. Node's own recursive way says ENOENT where the file system
 * is read-only.
 */
function makeFolders(path: string): string | undefined {
  if (existsSync(path)) return undefined;
  const made = makeFolders(dirname(path));
  try {
    mkdirSync(path);
  } catch (error) {
    // Another conversion may have been quicker; whose folder it is, the lock decides.
    if ((error as NodeJS.ErrnoException).code === 'EEXIST' && statSync(path).isDirectory()) return made;
    throw error;
  }
  return made ?? path;
}

const sizeOf = (path: string) => statSync(path, { throwIfNoEntry: false })?.size ?? 0;

/**
 * `<destination>.partial`: the store as it grows, the journal of what is done, and the lock of whoever works on it. It
 * lives beside the destination, so that the finished store gets there by one rename.
 */
export class WorkFolder {
  readonly destination: string;
  readonly journal: string;
  /** Becomes the destination. */
  readonly store: string;
  readonly #path: string;
  readonly #lock: string;
  /** The topmost folder that had to be made for this, to be taken away again on failure. */
  readonly #made: string | undefined;

  private constructor(destination: string) {
    this.destination = resolve(destination);
    this.#path = partialPath(destination);
    this.journal = join(this.#path, 'journal');
    this.store = join(this.#path, 'store');
    this.#lock = join(this.#path, 'lock');
    this.#made = makeFolders(this.#path);
    try {
      takeLock(this.#lock, 'converting to the same place');
    } catch (error) {
      // With somebody else's lock inside, the folder is not empty and stays.
      this.#removeMade();
      throw error;
    }
  }

  /** Takes the folder for this process. Throws BAD_USAGE where a live conversion has it. */
  static take(destination: string): WorkFolder {
    return new WorkFolder(destination);
  }

  /** Bytes that an unfinished conversion to `destination` takes up. */
  static bytesLeft(destination: string): number {
    const store = join(partialPath(destination), 'store');
    return sizeOf(join(store, ROWS_FILE)) + sizeOf(join(store, RESIDENT_FILE));
  }

  /** Whether the store's files are at least as long as `entry` says. */
  holds(entry: JournalEntry | undefined): boolean {
    return (
      entry !== undefined &&
      sizeOf(join(this.store, ROWS_FILE)) >= entry.rows.bytes &&
      sizeOf(join(this.store, RESIDENT_FILE)) >= entry.resident.bytes
    );
  }

  /** Forgets what was done before. */
  clear(): void {
    rmSync(this.journal, { force: true });
    rmSync(this.store, { recursive: true, force: true });
    mkdirSync(this.store);
  }

  /** Puts the finished, synced store in its place. */
  async finish(): Promise<void> {
    await syncFolder(this.store);
    // Windows does not rename over an empty folder; a full one stays, and the rename fails.
    if (existsSync(this.destination)) rmdirSync(this.destination);
    await rename(this.store, this.destination);
    await syncFolder(dirname(this.destination));
    try {
      rmSync(this.#path, { recursive: true, force: true });
    } catch {
      // Another conversion has just taken the folder: it will find the finished store, and remove it.
    }
  }

  /** Lets go of the folder and keeps it for resuming. */
  release(): void {
    rmSync(this.#lock, { force: true });
  }

  /** Removes everything that was made for this conversion. */
  discard(): void {
    try {
      rmSync(this.#path, { recursive: true, force: true });
    } catch {
      // What cannot be removed must not hide the failure that led here.
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

/** Makes names in a folder survive a power cut; a no-op where folders cannot be opened (Windows). */
async function syncFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return;
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** Throws BAD_USAGE unless the destination is free: absent, or an empty folder. */
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
