import { describe, expect, it } from 'vitest';
import { verdictOn } from '../../dist/src/plan/verdict.js';

type Measured = Parameters<typeof verdictOn>[0];

/** 10 GB of memory left, a disk of 3 GB/s from 64 KiB on, kernels of 24 GB/s. */
const MACHINE: Measured = {
  node: 'v20.0.0',
  onnxRuntime: null,
  cpu: {
    model: 'processor',
    cores: 8,
    threads: 8,
    kernels: 'avx2',
    available: ['avx2', 'portable'],
    unavailableReason: null,
    weightBytesPerSecond: 24e9,
    coreShare: 1,
  },
  memory: { totalBytes: 16e9, availableBytes: 10e9, limitBytes: null },
  disk: {
    path: '/disk',
    freeBytes: 1e12,
    inMemory: false,
    direct: true,
    curve: [
      { recordBytes: 4096, depth: 1, bytesPerSecond: 0.1e9, direct: true },
      { recordBytes: 65536, depth: 16, bytesPerSecond: 2e9, direct: true },
      { recordBytes: 2 ** 20, depth: 16, bytesPerSecond: 3e9, direct: true },
    ],
  },
};

const verdict = (change: { [Part in 'cpu' | 'memory' | 'disk']?: Partial<Measured[Part]> } = {}) =>
  verdictOn({
    ...MACHINE,
    cpu: { ...MACHINE.cpu, ...change.cpu },
    memory: { ...MACHINE.memory, ...change.memory },
    disk: { ...MACHINE.disk, ...change.disk },
  });
const remarks = (change: Parameters<typeof verdict>[0]) => verdict(change).filter((line) => !verdict().includes(line));

describe('the verdict on a machine', () => {
  it('says what a budget takes by default, and under which limit', () => {
    expect(verdict()[0]).toContain('6.00 GB of the 10.0 GB that are left,');
    expect(verdict({ memory: { limitBytes: 12e9 } })[0]).toContain('left under the limit of 12.0 GB');
  });

  it('says from which size on reads reach half of the best speed', () => {
    expect(verdict()[1]).toContain('64 KiB');
    expect(verdict()).toHaveLength(2);
  });

  it.each<[RegExp, Parameters<typeof verdict>[0]]>([
    [/^\/disk is memory/, { disk: { inMemory: true, direct: false } }],
    [/page cache/, { disk: { direct: false } }],
    [/no compiler/, { cpu: { kernels: 'ts', unavailableReason: 'no compiler' } }],
    [/portable kernels/, { cpu: { kernels: 'portable' } }],
  ])('has a remark that matches %s', (said, change) => {
    expect(remarks(change)).toEqual([expect.stringMatching(said)]);
  });

  it('remarks on a slow disk with its speed', () => {
    const curve = [{ recordBytes: 2 ** 20, depth: 16, bytesPerSecond: 150e6, direct: true }];
    expect(remarks({ disk: { curve } })).toContainEqual(expect.stringContaining('150 MB/s'));
  });

  it('remarks on little memory, and on the container that leaves so little', () => {
    const [, ...alone] = remarks({ memory: { availableBytes: 500e6 } });
    expect(alone).toEqual([expect.stringContaining('500 MB')]);
    expect(alone[0]).not.toContain('container');
    expect(remarks({ memory: { availableBytes: 500e6, limitBytes: 600e6 } })[1]).toContain('container');
  });
});
