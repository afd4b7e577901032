import { rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { relative } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { controlGroups } from '../../dist/src/plan/control-groups.js';
import { quotaCores } from '../../dist/src/plan/cpu-quota.js';
import { defaultThreads } from '../../dist/src/plan/machine.js';
import { memoryLeft } from '../../dist/src/plan/memory-left.js';
import { fileTree } from '../support/file-tree.js';

/*
 * Trees as the kernel shows them, by its documentation (admin-guide/cgroup-v1 and cgroup-v2.rst) and proc(5). The
 * mounts of version 1 and of the hybrid are those of a machine that has them.
 */

const roots: string[] = [];
const tree = (files: Record<string, string>) => {
  const root = fileTree(files);
  roots.push(root);
  return root;
};
afterEach(() => {
  for (const root of roots.splice(0)) rmSync(root, { recursive: true });
  vi.restoreAllMocks();
});

const MACHINE = { 'proc/meminfo': 'MemTotal:       16000000 kB\nMemFree:  100 kB\nMemAvailable:   10000000 kB\n' };
const TOTAL = 16e6 * 1024;
const LEFT = 10e6 * 1024;
const V1_MOUNTS = [
  '31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755',
  '32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:7 - cgroup cgroup rw,cpu,cpuacct',
  '35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory',
  '41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw',
].join('\n');
const V2_MOUNT = '30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n';
const UNLIMITED_V1 = '9223372036854771712\n';

const v1 = (path: string, limit: string | number, usage = 0, inactive = 0, active = 0) => ({
  [`sys/fs/cgroup/memory${path}/memory.limit_in_bytes`]: `${limit}`,
  [`sys/fs/cgroup/memory${path}/memory.usage_in_bytes`]: `${usage}\n`,
  [`sys/fs/cgroup/memory${path}/memory.stat`]: `cache 1\ninactive_file 7\ntotal_inactive_file ${inactive}\ntotal_active_file ${active}\n`,
});
const v2 = (path: string, limit: string | number, usage = 0, inactive = 0, active = 0) => ({
  [`sys/fs/cgroup${path}/memory.max`]: `${limit}\n`,
  [`sys/fs/cgroup${path}/memory.current`]: `${usage}\n`,
  [`sys/fs/cgroup${path}/memory.stat`]: `anon 1\ninactive_file ${inactive}\nactive_file ${active}\n`,
});
const process1 = (memory: string, cpu = '/') => ({
  'proc/self/cgroup': `4:memory:${memory}\n1:cpu,cpuacct:${cpu}\n0::/\n`,
  'proc/self/mountinfo': V1_MOUNTS,
});
const process2 = (path: string, mounts = V2_MOUNT) => ({
  'proc/self/cgroup': `0::${path}\n`,
  'proc/self/mountinfo': mounts,
});

describe('the groups of a process', () => {
  const found = (files: Record<string, string>, controller: 'memory' | 'cpu' = 'memory') => {
    const root = tree(files);
    return controlGroups(controller, root).map(({ version, folder }) => [version, relative(root, folder)]);
  };

  it('are its own and all above it, in version 1, and in version 2 beside it', () => {
    expect(found(process1('/a/b'))).toEqual([
      [1, 'sys/fs/cgroup/memory/a/b'],
      [1, 'sys/fs/cgroup/memory/a'],
      [1, 'sys/fs/cgroup/memory'],
      [2, 'sys/fs/cgroup/unified'],
    ]);
  });

  it('are those of the controller that is asked for', () => {
    expect(found(process1('/a', '/x'), 'cpu').map(([, folder]) => folder)).toEqual([
      'sys/fs/cgroup/cpu,cpuacct/x',
      'sys/fs/cgroup/cpu,cpuacct',
      'sys/fs/cgroup/unified',
    ]);
  });

  it('begin at the mount where a container sees its own group alone', () => {
    const mounts = '30 23 0:26 /docker/abc /sys/fs/cgroup ro - cgroup2 cgroup2 rw\n';
    expect(found(process2('/docker/abc', mounts))).toEqual([[2, 'sys/fs/cgroup']]);
    expect(found(process2('/docker/abc/job', mounts))).toEqual([
      [2, 'sys/fs/cgroup/job'],
      [2, 'sys/fs/cgroup'],
    ]);
    // With a namespace of its own, and in a group that the mount does not show.
    expect(found(process2('/'))).toEqual([[2, 'sys/fs/cgroup']]);
    expect(found(process2('/../other'))).toEqual([[2, 'sys/fs/cgroup']]);
    expect(found(process2('/elsewhere', mounts))).toEqual([[2, 'sys/fs/cgroup']]);
  });

  it('may lie at a mount whose name has a space in it', () => {
    expect(found(process2('/', '30 23 0:26 / /my\\040groups rw - cgroup2 cgroup2 rw\n'))).toEqual([[2, 'my groups']]);
  });

  it('are none where the system has none', () => {
    expect(found({})).toEqual([]);
    expect(found({ 'proc/self/cgroup': 'nonsense\n', 'proc/self/mountinfo': 'nonsense\n' })).toEqual([]);
  });
});

describe('the memory that is left', () => {
  const left = (files: Record<string, string>) => memoryLeft(tree({ ...MACHINE, ...files }));

  it('is what the machine has available, where nothing limits', () => {
    expect(left({})).toEqual({ availableBytes: LEFT, limitBytes: null, roomBytes: null });
    expect(left({ ...process1('/a'), ...v1('/a', UNLIMITED_V1, 5e9) })).toMatchObject({ limitBytes: null });
    expect(left({ ...process2('/a'), ...v2('/a', 'max', 5e9) })).toMatchObject({ availableBytes: LEFT });
  });

  it.each([
    ['1', { ...process1('/a'), ...v1('/a', 500e6, 450e6, 400e6, 30e6) }],
    ['2', { ...process2('/a'), ...v2('/a', 500e6, 450e6, 400e6, 30e6) }],
  ])('is the limit less what is used, page cache that nobody uses aside (version %s)', (_, files) => {
    expect(left(files)).toEqual({ availableBytes: 450e6, limitBytes: 500e6, roomBytes: 480e6 });
  });

  it.each([
    ['1', { ...process1('/a/b'), ...v1('/a/b', UNLIMITED_V1, 1e6), ...v1('/a', 2e9, 15e8) }],
    ['2', { ...process2('/a/b'), ...v2('/a/b', 3e9, 1e6), ...v2('/a', 2e9, 15e8) }],
  ])('counts the groups above (version %s)', (_, files) => {
    expect(left(files)).toEqual({ availableBytes: 5e8, limitBytes: 2e9, roomBytes: 5e8 });
  });

  it('is the least of two hierarchies', () => {
    const unified = Object.fromEntries(
      Object.entries(v2('', 1e9, 2e8)).map(([path, text]) => [path.replace('cgroup/', 'cgroup/unified/'), text]),
    );
    expect(left({ ...process1('/a'), ...v1('/a', 3e9, 1e9), ...unified }).availableBytes).toBe(8e8);
  });

  it('ends where a group of version 2 is throttled, which is no limit', () => {
    const files = { ...process2('/a'), ...v2('/a', 'max', 1e8) };
    expect(left({ ...files, 'sys/fs/cgroup/a/memory.high': '400000000\n' })).toEqual({
      availableBytes: 3e8,
      limitBytes: null,
      roomBytes: null,
    });
  });

  it('is never below nothing', () => {
    expect(left({ ...process2('/a'), ...v2('/a', 1e8, 2e8) }).availableBytes).toBe(0);
  });

  it('is what the machine has where a group allows more than that', () => {
    expect(left({ ...process2('/a'), ...v2('/a', TOTAL - 1, 0) })).toMatchObject({
      availableBytes: LEFT,
      limitBytes: TOTAL - 1,
    });
  });

  it('is what Node knows where there is no /proc, also in a version without process.availableMemory', () => {
    const root = tree({});
    const known = process.availableMemory;
    try {
      process.availableMemory = () => 123;
      expect(memoryLeft(root)).toEqual({ availableBytes: 123, limitBytes: null, roomBytes: null });
      Reflect.deleteProperty(process, 'availableMemory');
      expect(memoryLeft(root).availableBytes).toBeGreaterThan(0);
    } finally {
      process.availableMemory = known;
    }
  });
});

describe('the threads by default', () => {
  const v1Quota = (path: string, quota: number) => ({
    [`sys/fs/cgroup/cpu,cpuacct${path}/cpu.cfs_quota_us`]: `${quota}\n`,
    [`sys/fs/cgroup/cpu,cpuacct${path}/cpu.cfs_period_us`]: '50000\n',
  });
  const cores = (files: Record<string, string>) => quotaCores(tree(files));

  it('have a quota in either version, of the groups above too', () => {
    expect(cores({ ...process1('/', '/a/b'), ...v1Quota('/a/b', -1), ...v1Quota('/a', 25000) })).toBe(0.5);
    expect(cores({ ...process2('/a/b'), 'sys/fs/cgroup/a/b/cpu.max': '300000 100000\n' })).toBe(3);
    expect(cores({ ...process2('/a/b'), 'sys/fs/cgroup/a/cpu.max': '150000 100000\n' })).toBe(1.5);
  });

  it('have none where nobody set one', () => {
    expect(cores({})).toBeNull();
    expect(cores({ ...process2('/a'), 'sys/fs/cgroup/a/cpu.max': 'max 100000\n' })).toBeNull();
    expect(cores({ ...process1('/', '/a'), ...v1Quota('/a', -1) })).toBeNull();
  });

  it('are whole cores of the quota, one at least, and no more than the process may use', () => {
    const threads = (quota: string) =>
      defaultThreads(tree({ ...process2('/a'), 'sys/fs/cgroup/a/cpu.max': `${quota} 100000\n` }));
    expect(['1', '50000', '100000', '190000'].map(threads)).toEqual([1, 1, 1, 1]);
    expect(threads('99000000')).toBe(Math.min(8, availableParallelism()));
  });
});
