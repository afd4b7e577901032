import { closeSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs';
import { FlashrowError } from '../errors.js';

/**
 * When a process began, in the kernel's ticks; null where /proc is missing. It tells a process from a later one that
 * was given the same number.
 */
function startOf(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // Field 22 (proc(5)). The name in parentheses, field 2, may hold spaces itself.
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
 * Takes the lock file at `path` for this process. A lock whose owner is dead is taken over. `work` says what the lock
 * is held for, as in "process 7 is ... already": "calibrating this model". Throws BUSY while another live process holds
 * it, or another call in this one.
 */
export function takeLock(path: string, work: string): void {
  const owner = `${process.pid} ${startOf(process.pid) ?? ''}`.trimEnd();
  try {
    while (!createExclusively(path, owner)) {
      const holder = readFileSync(path, 'utf8');
      if (isAlive(holder)) throw held(path, holder, work);
      dropStale(path, holder);
    }
    // Another process may have taken the file for stale between its creation and its first byte.
    const holder = readFileSync(path, 'utf8');
    if (holder !== owner) throw held(path, holder, work);
  } catch (error) {
    // The holder let go of it, or removed its folder, while we looked.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw ending(path, work);
    throw error;
  }
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

function held(path: string, holder: string, work: string): FlashrowError {
  const pid = Number(holder.split(' ')[0]);
  const holderName = pid === process.pid ? 'this process' : `process ${pid}`;
  return new FlashrowError('BUSY', `${holderName} is ${work} already; wait until it is done`, { lock: path, pid });
}
