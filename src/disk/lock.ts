import { closeSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs';
import { FlashrowError } from '../errors.js';

/** When a process began, in the kernel's ticks, so that a number given out again is told apart; null where /proc is missing. */
function startOf(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // Field 22 (proc(5)); the name in parentheses, field 2, may itself hold spaces.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return null;
  }
}

function isAlive(owner: string): boolean {
  const [pid, start] = owner.split(' ');
  if (!/^[1-9]\d*$/.test(pid)) return false;
  try {
    process.kill(Number(pid), 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  const running = startOf(Number(pid));
  return running === null || start === undefined || running === start;
}

/**
 * Takes the lock file at `path` for this process, over a dead owner's if need be.
 * Throws BUSY while another live process, or another conversion of this one, holds it.
 */
export function takeLock(path: string): void {
  const owner = `${process.pid} ${startOf(process.pid) ?? ''}`.trimEnd();
  try {
    while (!createExclusively(path, owner)) {
      const holder = readFileSync(path, 'utf8');
      if (isAlive(holder)) throw held(path, holder);
      dropStale(path, holder);
    }
    // Somebody may have taken it for stale between its creation and its first byte.
    const holder = readFileSync(path, 'utf8');
    if (holder !== owner) throw held(path, holder);
  } catch (error) {
    // Its holder let go of it, or removed its folder, while we looked.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw ending(path);
    throw error;
  }
}

const ending = (path: string) =>
  new FlashrowError('BUSY', 'another conversion to the same place is just ending; try again', { lock: path });

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

/** Moves a dead owner's lock away, and back if it turns out that a live one has just replaced it. */
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

function held(path: string, holder: string): FlashrowError {
  const pid = Number(holder.split(' ')[0]);
  const holderName = pid === process.pid ? 'this process' : `process ${pid}`;
  const message = `${holderName} is converting to the same place already; wait until it is done`;
  return new FlashrowError('BUSY', message, { lock: path, pid });
}
