import { spawn } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';

export interface CappedOutcome {
  /** 128 + the signal's number where one ended the process. */
  exitCode: number | null;
  stdout: string;
  stderr: string;
  /** Processes that the kernel killed for want of memory. */
  killed: number;
  /** The most memory the group held, page cache included. */
  peakBytes: number;
}

/** Names by https://docs.kernel.org/admin-guide/cgroup-v1/memory.html and https://docs.kernel.org/admin-guide/cgroup-v2.html. */
const VERSION_1 = {
  CGROUP: `/sys/fs/cgroup/memory/flashrow-test-${process.pid}`,
  LIMIT_FILE: 'memory.limit_in_bytes',
  SWAP_FILE: 'memory.swappiness',
  PEAK_FILE: 'memory.max_usage_in_bytes',
  EVENTS_FILE: 'memory.oom_control',
};
const VERSION_2 = {
  CGROUP: `/sys/fs/cgroup/flashrow-test-${process.pid}`,
  LIMIT_FILE: 'memory.max',
  SWAP_FILE: 'memory.swap.max',
  PEAK_FILE: 'memory.peak',
  EVENTS_FILE: 'memory.events',
};

/** The group is the shell's, which outlives a test run that is interrupted or killed: so it always goes away with its process. */
const SCRIPT = `
trap : HUP INT TERM
mkdir "$CGROUP" || exit 1
trap 'rmdir "$CGROUP"' EXIT
echo "$LIMIT" > "$CGROUP/$LIMIT_FILE" || exit 1
echo 0 2> /dev/null > "$CGROUP/$SWAP_FILE"
sh -c 'echo $$ > "$CGROUP/cgroup.procs" && exec "$@"' sh "$@"
status=$?
cat "$CGROUP/$PEAK_FILE" "$CGROUP/$EVENTS_FILE" >&3
exit $status`;

/** Runs node in a memory cgroup (version 1 or 2) of its own, which holds `limitBytes` and does not swap. */
export async function nodeInCgroup(limitBytes: number, args: readonly string[]): Promise<CappedOutcome> {
  const isVersion1 = existsSync('/sys/fs/cgroup/memory/memory.limit_in_bytes');
  if (!isVersion1) writeFileSync('/sys/fs/cgroup/cgroup.subtree_control', '+memory');
  const names = isVersion1 ? VERSION_1 : VERSION_2;
  const child = spawn('sh', ['-c', SCRIPT, 'sh', process.execPath, ...args], {
    env: { ...process.env, ...names, LIMIT: String(Math.floor(limitBytes)) },
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  });
  const exit = new Promise<number | null>((resolve, reject) => child.on('error', reject).on('close', resolve));
  const [stdout, stderr, counts, exitCode] = await Promise.all([
    text(child.stdout!),
    text(child.stderr!),
    text(child.stdio[3] as NodeJS.ReadableStream),
    exit,
  ]);
  if (counts === '') throw new Error(`no memory cgroup could be made: ${stderr}`);
  return {
    exitCode,
    stdout,
    stderr,
    killed: Number(/^oom_kill (\d+)/m.exec(counts)?.[1]),
    peakBytes: Number.parseInt(counts, 10),
  };
}
