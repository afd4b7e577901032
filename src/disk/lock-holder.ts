import { readFileSync, readlinkSync, statfsSync } from 'node:fs';
import { hostname } from 'node:os';

/** A process, as a lock file tells of it to others, who may be in another container or on another machine. */
export interface LockHolder {
  pid: number;
  /**
   * When it began, in the kernel's ticks, which tells it from a later process of the same number. Null where the system
   * or the writer does not say, as in all that follows.
   */
  start: string | null;
  /** The kernel's id of its start: another one after a reboot, and on another machine. */
  boot: string | null;
  /** The namespace that `pid` counts in. Each container has one. */
  namespace: string | null;
  host: string | null;
  /** Whether it also holds the kernel's lock on the file. */
  kernel: boolean;
}

/**
 * File systems of this machine alone, as statfs(2) numbers them: ext, XFS, Btrfs, overlay, tmpfs, F2FS, ZFS, bcachefs.
 */
const LOCAL_FILE_SYSTEMS = [0xef53, 0x58465342, 0x9123683e, 0x794c7630, 0x01021994, 0xf2f52010, 0x2fc12fc1, 0xca451a4e];

function orNull<T>(read: () => T): T | null {
  try {
    return read();
  } catch {
    // Not Linux, or /proc is missing.
    return null;
  }
}

const startOf = (pid: number): string | null =>
  orNull(() => {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // Field 22 (proc(5)). The name in parentheses, field 2, may hold spaces itself.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  });

/** This process. */
export const thisProcess = (kernel: boolean): LockHolder => ({
  pid: process.pid,
  start: startOf(process.pid),
  boot: orNull(() => readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()),
  namespace: orNull(() => readlinkSync('/proc/self/ns/pid')),
  host: hostname() || null,
  kernel,
});

const NONE = '-';

export const formatHolder = ({ pid, start, boot, namespace, host, kernel }: LockHolder): string =>
  [pid, ...[start, boot, namespace, host].map((field) => field ?? NONE), kernel ? 'kernel' : 'file'].join(' ');

/** Null for what no process wrote. A number alone is a process of this namespace. */
export function parseHolder(text: string): LockHolder | null {
  const [pid, ...fields] = text.split(' ');
  if (!/^[1-9]\d*$/.test(pid)) return null;
  const [start = null, boot = null, namespace = null, host = null, kind] = fields.map((field) =>
    field === NONE ? null : field,
  );
  return { pid: Number(pid), start, boot, namespace, host, kernel: kind === 'kernel' };
}

/**
 * Whether the holder of the lock at `path` lives; `unknown` where this process cannot see it: in another container or
 * on another machine. `taken`: the kernel's lock could be taken, so nobody holds that one.
 */
export function judge(holder: LockHolder, path: string, taken: boolean): 'alive' | 'dead' | 'unknown' {
  const here = thisProcess(false);
  const differs = (key: 'boot' | 'namespace' | 'host') =>
    holder[key] !== null && here[key] !== null && holder[key] !== here[key];
  if (differs('boot')) {
    // The machine was started again, or it is another machine, which shares no local disk.
    const shared = orNull(() => !LOCAL_FILE_SYSTEMS.includes(statfsSync(path).type)) ?? true;
    return shared && (differs('host') || here.host === 'localhost') ? 'unknown' : 'dead';
  }
  if (holder.kernel && taken) return 'dead';
  if (differs('namespace')) return 'unknown';
  return isRunning(holder) ? 'alive' : 'dead';
}

/** Whether a process of that number is there; with `start`, that very one. */
export function isRunning({ pid, start }: Pick<LockHolder, 'pid' | 'start'>): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  const running = startOf(pid);
  return running === null || start === null || running === start;
}
