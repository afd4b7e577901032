import { spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';

export interface ProcessOutcome {
  /** The exit code; 128 + the signal's number where a signal ended the process. */
  exitCode: number | null;
  stdout: string;
  stderr: string;
  /** Processes that the kernel killed for lack of memory; 0 without a limit. */
  killed: number;
  /** The most memory that the group held, page cache included; null without a limit. */
  peakBytes: number | null;
  /** The most anonymous and shared memory seen, sampled every 50 ms. The page cache does not count. */
  anonymousBytes: number;
}

/**
 * Names by https://docs.kernel.org/admin-guide/cgroup-v1/memory.html and
 * https://docs.kernel.org/admin-guide/cgroup-v2.html.
 */
const VERSION_1 = {
  CGROUP: `/sys/fs/cgroup/memory/flashrow-${process.pid}`,
  LIMIT_FILE: 'memory.limit_in_bytes',
  SWAP_FILE: 'memory.swappiness',
  PEAK_FILE: 'memory.max_usage_in_bytes',
  EVENTS_FILE: 'memory.oom_control',
};
const VERSION_2 = {
  CGROUP: `/sys/fs/cgroup/flashrow-${process.pid}`,
  LIMIT_FILE: 'memory.max',
  SWAP_FILE: 'memory.swap.max',
  PEAK_FILE: 'memory.peak',
  EVENTS_FILE: 'memory.events',
};

const SAMPLE_MS = 50;

/**
 * The shell makes the group and removes it. It outlives a caller that is interrupted or killed, so that the group
 * always goes away with its process.
 */
const CAPPED = `
trap : HUP INT TERM
mkdir "$CGROUP" || exit 1
trap 'rmdir "$CGROUP"' EXIT
echo "$LIMIT" > "$CGROUP/$LIMIT_FILE" || exit 1
echo 0 2> /dev/null > "$CGROUP/$SWAP_FILE"
sh -c 'echo $$ > "$CGROUP/cgroup.procs" && exec "$@"' sh "$@"
status=$?
cat "$CGROUP/$PEAK_FILE" "$CGROUP/$EVENTS_FILE" >&3
exit $status`;

/**
 * Runs node in its own memory cgroup (version 1 or 2), which holds `limitBytes` and does not swap. Without a limit
 * there is no cgroup.
 */
export async function nodeInCgroup(limitBytes: number | null, args: readonly string[]): Promise<ProcessOutcome> {
  const isVersion1 = existsSync('/sys/fs/cgroup/memory/memory.limit_in_bytes');
  if (limitBytes !== null && !isVersion1) writeFileSync('/sys/fs/cgroup/cgroup.subtree_control', '+memory');
  const names = isVersion1 ? VERSION_1 : VERSION_2;
  const command = limitBytes === null ? [process.execPath] : ['sh', '-c', CAPPED, 'sh', process.execPath];
  const child = spawn(command[0], [...command.slice(1), ...args], {
    env: { ...process.env, ...names, LIMIT: String(Math.floor(limitBytes ?? 0)) },
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  });
  let anonymousBytes = 0;
  const sampler = setInterval(() => {
    const ids =
      limitBytes === null ? [`${child.pid}`] : (readOrNull(`${names.CGROUP}/cgroup.procs`)?.match(/\d+/g) ?? []);
    anonymousBytes = Math.max(anonymousBytes, anonymousBytesOf(ids));
  }, SAMPLE_MS);
  try {
    const exit = new Promise<number | null>((resolve, reject) => child.on('error', reject).on('close', resolve));
    const [stdout, stderr, counts, exitCode] = await Promise.all([
      text(child.stdout!),
      text(child.stderr!),
      text(child.stdio[3] as NodeJS.ReadableStream),
      exit,
    ]);
    if (limitBytes !== null && counts === '') throw new Error(`no memory cgroup could be made: ${stderr}`);
    return {
      exitCode,
      stdout,
      stderr,
      killed: Number(/^oom_kill (\d+)/m.exec(counts)?.[1] ?? 0),
      peakBytes: limitBytes === null ? null : Number.parseInt(counts, 10),
      anonymousBytes,
    };
  } finally {
    clearInterval(sampler);
  }
}

/** Anonymous + shared resident memory of processes, by /proc/PID/status. */
function anonymousBytesOf(processIds: readonly string[]): number {
  let kib = 0;
  for (const id of processIds)
    for (const [, value] of readOrNull(`/proc/${id}/status`)?.matchAll(/^Rss(?:Anon|Shmem):\s+(\d+) kB/gm) ?? [])
      kib += Number(value);
  return kib * 1024;
}

/** The text of a file; null where it does not exist, as that of a process that has ended. */
function readOrNull(path: string): string | null {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return null;
  }
}
