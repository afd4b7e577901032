import type { Bridge } from '../../native-bridge/bridge.js';
import type { Allocation } from './allocate.js';
import { READ_THREADS } from './overhead.js';
import type { Plan } from './plan.js';

const PROBE_BYTES = 64e6;
const COPY_BYTES = 32 << 20;

export interface ForecastInput {
  bridge: Bridge;
  /** The model's own file, to be read from. */
  path: string;
  allocation: Allocation;
  /** Weights of the resident half that one token touches. */
  denseBytes: number;
}

/** What to expect, from a short reading of the model's own file: the slower of disk and memory, and the resident half on top. */
export function forecast({ bridge, path, allocation, denseBytes }: ForecastInput): Plan['forecast'] {
  const record = Math.max(4096, Math.min(1 << 20, Math.max(...allocation.layers.map(({ unit }) => unit.slotBytes))));
  const probe = bridge.probeReads(path, record, PROBE_BYTES, READ_THREADS);
  const diskSpeed = probe.bytes / Math.max(probe.seconds, 1e-6);
  const memorySpeed = copySpeed();
  const streamed = allocation.bytesPerToken / diskSpeed;
  const touched = allocation.selector === 'all' ? allocation.ffnBytes / memorySpeed : 0;
  const perToken = Math.max(streamed, touched) + denseBytes / memorySpeed;
  const uncached = allocation.ffnBytes * (1 - allocation.cachedShare);
  return {
    tokensPerSecond: 1 / perToken,
    firstTokenSeconds: (allocation.residentBytes + allocation.ffnBytes) / diskSpeed + uncached / memorySpeed,
    basis: `reads of ${Math.round(record / 1024)} KiB from the model's file at ${gigabytes(diskSpeed)} GB/s (${Math.round(probe.bytes / 1e6)} MB read), memory at ${gigabytes(memorySpeed)} GB/s`,
  };
}

/** Bytes/s of a plain copy, reads and writes both counted. */
function copySpeed(): number {
  const from = new Uint8Array(COPY_BYTES).fill(1);
  const to = new Uint8Array(COPY_BYTES);
  to.set(from);
  const start = performance.now();
  to.set(from);
  return (2 * COPY_BYTES * 1e3) / Math.max(performance.now() - start, 1e-3);
}

const gigabytes = (bytesPerSecond: number) => (bytesPerSecond / 1e9).toFixed(2);
