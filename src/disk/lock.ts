import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { lockFile } from '../../native-bridge/index.js';
import { FlashrowError } from '../errors.js';
import { formatHolder, judge, type LockHolder, parseHolder, thisProcess } from './lock-holder.js';

/** A lock that this process holds. */
export class Lock {
  readonly #path: string;
  /** The file that the kernel keeps locked while it is open; null where there are no such locks. */
  #file: number | null;

  constructor(path: string, file: number | null) {
    this.#path = path;
    this.#file = file;
  }

  /** Removes the lock file. */
  release(): void {
    // First the name: who opens the file from now on is not kept from another one.
    rmSync(this.#path, { force: true });
    if (this.#file !== null) closeSync(this.#file);
    this.#file = null;
  }

  /** Removes the folder that the lock is in, with all that is in it, the lock last. */
  releaseWithFolder(): void {
    const folder = dirname(this.#path);
    for (const name of readdirSync(folder)) {
      const path = join(folder, name);
      if (path !== this.#path) rmSync(path, { recursive: true, force: true });
    }
    this.release();
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * Takes the lock file at `path` for this process. A lock whose owner is dead is taken over. `work` says what the lock
 * is held for, as in "process 7 is ... already": "calibrating this model".
 *
 * The kernel's own lock (flock) decides where there is one: it sees other containers, and ends with its process. The
 * text in the file decides without it, and against other machines. A holder that cannot be seen is not called dead.
 * Throws BUSY while another process holds it or may hold it, or another call in this one.
 */
export function takeLock(path: string, work: string): Lock {
  try {
    return takeKernelLock(path, work) ?? takeByText(path, work);
  } catch (error) {
    // The holder let go of it, or removed its folder, while we looked.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw ending(path, work);
    throw error;
  }
}

/**
 * Removes the folder of a lock that nobody holds, where the work it was for is done: nothing is in it but the lock, and
 * files of the given names. Anything else keeps it.
 */
export function removeFolderOfLock(path: string, names: readonly string[]): void {
  try {
    const rest = readdirSync(dirname(path)).filter((name) => name !== basename(path) && !names.includes(name));
    if (rest.length === 0) takeLock(path, 'removing its folder').releaseWithFolder();
  } catch {
    // It is gone, another process is at it, or it cannot be removed. Nothing needs it gone.
  }
}

/** Null where there are no kernel locks. */
function takeKernelLock(path: string, work: string): Lock | null {
  for (;;) {
    const file = openSync(path, constants.O_RDWR | constants.O_CREAT, 0o666);
    try {
      const result = lockFile(file);
      if (result === 'refused') break;
      if (result === 'held') throw held(path, parseHolder(readFileSync(path, 'utf8')), work);
      if (isAt(path, file)) {
        const holder = parseHolder(readFileSync(path, 'utf8'));
        if (holder !== null && judge(holder, path, true) !== 'dead') throw held(path, holder, work);
        ftruncateSync(file);
        writeSync(file, formatHolder(thisProcess(true)), 0);
        return new Lock(path, file);
      }
    } catch (error) {
      closeSync(file);
      throw error;
    }
    // Its holder removed it between our opening and our locking it.
    closeSync(file);
  }
  return null;
}

/** Whether an open file is the one that is at `path` now. */
function isAt(path: string, file: number): boolean {
  const found = statSync(path, { bigint: true, throwIfNoEntry: false });
  return found?.ino === fstatSync(file, { bigint: true }).ino;
}

function takeByText(path: string, work: string): Lock {
  const owner = formatHolder(thisProcess(false));
  while (!createExclusively(path, owner)) {
    const text = readFileSync(path, 'utf8');
    const holder = parseHolder(text);
    if (holder !== null && judge(holder, path, false) !== 'dead') throw held(path, holder, work);
    dropStale(path, text);
  }
  // Another process may have taken the file for stale between its creation and its first byte.
  const text = readFileSync(path, 'utf8');
  if (text !== owner) throw held(path, parseHolder(text), work);
  return new Lock(path, null);
}

const ending = (path: string, work: string) =>
  new FlashrowError('BUSY', `another process was ${work} and is just ending; try again`, { lock: path });

function createExclusively(path: string, owner: string): boolean {
  let lock: number;
  try {
    lock = openSync(path, 'wx');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
  try {
    writeSync(lock, owner);
  } catch (error) {
    rmSync(path, { force: true });
    throw error;
  } finally {
    closeSync(lock);
  }
  return true;
}

/** Moves the lock of a dead owner away. Puts it back where a live owner turns out to have replaced it in between. */
function dropStale(path: string, holder: string): void {
  const aside = `${path}.stale.${process.pid}`;
  try {
    renameSync(path, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  const moved = readFileSync(aside, 'utf8');
  rmSync(aside);
  if (moved !== holder) createExclusively(path, moved);
}

/** `holder` is null where it has not written its name yet. */
function held(path: string, holder: LockHolder | null, work: string): FlashrowError {
  if (holder === null)
    return new FlashrowError('BUSY', `another process is ${work} already; wait until it is done`, { lock: path });
  const { pid, host, namespace } = holder;
  const here = thisProcess(false);
  const elsewhere = host !== null && (host !== here.host || (namespace !== null && namespace !== here.namespace));
  const details = { lock: path, pid };
  if (elsewhere)
    return new FlashrowError(
      'BUSY',
      `process ${pid} of another container or machine (${host}) is ${work} already; wait until it is done, or remove ${path} if that process is gone`,
      details,
    );
  const name = pid === process.pid ? 'this process' : `process ${pid}`;
  return new FlashrowError('BUSY', `${name} is ${work} already; wait until it is done`, details);
}
