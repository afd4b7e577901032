import type { Bridge, MatrixSource } from '../../native-bridge/bridge.js';
import { rowBytes } from '../../native-bridge/formats.js';
import { READ_THREADS } from './overhead.js';
import type { Plan } from './plan.js';
import type { Allocation } from './spend.js';

const PROBE_BYTES = 64e6;
const KERNEL_MS = 20;
/** What a layer costs besides its weights: calls, attention over a short context, waking threads. Measured on models of 1 and 9 MB. */
const LAYER_SECONDS = 0.2e-3;

export interface ForecastInput {
  bridge: Bridge;
  /** The model's own file, to be read from. */
  path: string;
  /** Some rows of it, to be multiplied by; they should be few. */
  sample: MatrixSource;
  allocation: Allocation;
  /** Weights of the resident half that one token touches. */
  denseBytes: number;
}

/** What to expect, from a short reading of the model's own file: the slower of disk and kernels, the resident half on top. */
export function forecast({ bridge, path, sample, allocation, denseBytes }: ForecastInput): Plan['forecast'] {
  const record = Math.max(4096, Math.min(1 << 20, Math.max(...allocation.layers.map(({ unit }) => unit.slotBytes))));
  const probe = bridge.probeReads(path, record, PROBE_BYTES, READ_THREADS);
  const diskSpeed = probe.bytes / Math.max(probe.seconds, 1e-6);
  const kernelSpeed = timeKernel(bridge, sample);
  const fixed = denseBytes / kernelSpeed + allocation.layers.length * LAYER_SECONDS;
  const perToken = Math.max(allocation.bytesPerToken / diskSpeed, allocation.touchedBytes / kernelSpeed) + fixed;
  const load = (allocation.residentBytes + allocation.ffnBytes) / diskSpeed;
  return {
    tokensPerSecond: 1 / perToken,
    firstTokenSeconds: load + perToken,
    basis:
      `reads of ${Math.round(record / 1024)} KiB from the model's file at ${gigabytes(diskSpeed)} GB/s (${Math.round(probe.bytes / 1e6)} MB read), ` +
      `${sample.format} weights on ${bridge.isa} kernels at ${gigabytes(kernelSpeed)} GB/s`,
  };
}

/** Bytes of weights per second, one token at a time. */
function timeKernel(bridge: Bridge, sample: MatrixSource): number {
  const matrix = bridge.loadMatrix(sample);
  try {
    const x = new Float32Array(sample.columns).fill(1);
    const y = new Float32Array(sample.rows);
    matrix.matmul(x, 1, y);
    const start = performance.now();
    let rounds = 0;
    while (performance.now() - start < KERNEL_MS) {
      matrix.matmul(x, 1, y);
      rounds += 1;
    }
    return (rounds * sample.rows * rowBytes(sample.format, sample.columns) * 1e3) / (performance.now() - start);
  } finally {
    matrix.dispose();
  }
}

const gigabytes = (bytesPerSecond: number) => (bytesPerSecond / 1e9).toFixed(2);
