import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isRootRun, unlessRootRun } from './suite.js';

const MAIN = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url));
const TALES = fileURLToPath(new URL('../../weights/tales', import.meta.url));
const LIMIT = 512 << 20;

/** Where a controller's groups are, and the files of its limits, in the version that this machine has. */
const memoryVersion1 = existsSync('/sys/fs/cgroup/memory/memory.limit_in_bytes');
const MEMORY = memoryVersion1
  ? { top: '/sys/fs/cgroup/memory', limit: 'memory.limit_in_bytes' }
  : { top: '/sys/fs/cgroup', limit: 'memory.max' };
const cpuVersion1 = ['/sys/fs/cgroup/cpu', '/sys/fs/cgroup/cpu,cpuacct'].find((path) => existsSync(path));

const groups: string[] = [];
function makeGroup(top: string, limits: Record<string, string | number>): string {
  const group = join(top, `flashrow-test-${process.pid}`);
  mkdirSync(group);
  groups.push(group);
  for (const [file, value] of Object.entries(limits)) writeFileSync(join(group, file), `${value}`);
  return group;
}
function makeChild(group: string): string {
  if (!memoryVersion1) writeFileSync(join(group, 'cgroup.subtree_control'), '+memory');
  const child = join(group, 'child');
  mkdirSync(child);
  groups.push(child);
  return child;
}

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'flashrow-groups-'));
});
afterEach(async () => {
  // A group goes away a moment after its last process.
  await setTimeout(300);
  for (const group of groups.splice(0).reverse()) rmdirSync(group);
  rmSync(folder, { recursive: true });
});

/** Runs `before` and then a command of flashrow in a group. */
function runIn(group: string, args: readonly string[], before = 'true') {
  const script = `echo $$ > "$0/cgroup.procs"; ${before}; exec "$@"`;
  const run = spawnSync('sh', ['-c', script, group, process.execPath, MAIN, ...args, '--json'], { encoding: 'utf8' });
  return { status: run.status, json: JSON.parse(run.stdout || 'null') };
}

describe.skipIf(!isRootRun)(`control groups${unlessRootRun}`, () => {
  it('bound the default budget from above, too', () => {
    const group = makeGroup(MEMORY.top, { [MEMORY.limit]: LIMIT });
    const { status, json } = runIn(makeChild(group), ['plan', TALES]);
    expect(status).toBe(0);
    expect(json.left.limitBytes).toBe(LIMIT);
    expect(json.budgetBytes).toBeLessThanOrEqual(0.6 * LIMIT);
    expect(json.budgetBytes).toBeGreaterThan(0.4 * LIMIT);
  });

  it('have what page cache takes left: the kernel drops it', () => {
    const group = makeGroup(MEMORY.top, { [MEMORY.limit]: LIMIT });
    const file = join(folder, 'large');
    writeFileSync(file, Buffer.alloc(400 << 20));
    // Synced and dropped, so that the pages are charged to who reads them next.
    spawnSync('sync', [file]);
    spawnSync('dd', [`of=${file}`, 'oflag=nocache', 'conv=notrunc,fdatasync', 'count=0', 'status=none']);
    const { json } = runIn(group, ['plan', TALES], `cat ${file} > /dev/null`);
    expect(json.budgetBytes).toBeGreaterThan(0.3 * LIMIT);
  });

  it('refuse what they would kill, with what would do, and the plan says the same', () => {
    const group = makeGroup(MEMORY.top, { [MEMORY.limit]: 90e6 });
    const run = ['run', TALES, '--memory', '100GB', '--prompt', 'Once', '--max-tokens', '4'];
    const { status, json } = runIn(group, run);
    expect([status, json.error?.code]).toEqual([1, 'INSUFFICIENT_MEMORY']);
    expect(json.error.message).toContain('the kernel would end the process');
    // A plan holds no thread for text.
    writeFileSync(join(group, MEMORY.limit), `${70e6}`);
    const planned = runIn(group, ['plan', TALES, '--memory', '100GB']);
    expect([planned.status, planned.json.fits]).toEqual([0, false]);
    expect(planned.json.obstacle).toContain('the kernel would end the process');
    expect(planned.json.forecast.tokensPerSecond).toBeNull();
  });

  it.skipIf(availableParallelism() < 2)('bound the threads by their quota', () => {
    const quota = (cores: number): Record<string, string | number> =>
      cpuVersion1 === undefined
        ? { 'cpu.max': `${cores * 100_000} 100000` }
        : { 'cpu.cfs_period_us': 100_000, 'cpu.cfs_quota_us': cores * 100_000 };
    const group = makeGroup(cpuVersion1 ?? '/sys/fs/cgroup', quota(1));
    const { json } = runIn(group, ['doctor', folder, '--size', '17MB']);
    expect(json.cpu.threads).toBe(1);
  });
});
