import type { Bridge, MatrixSource } from '../../native-bridge/bridge.js';
import { kernelSpeed } from './kernel-speed.js';
import { READ_THREADS } from './overhead.js';
import type { Plan } from './plan.js';
import type { Allocation } from './spend.js';

/** 64 MB of the file are read in all. */
const [PROBE_BYTES, SAMPLE_BYTES] = [24e6, 40e6];
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

/**
 * What to expect, from a short reading of the model's own file. A ring reads ahead whatever is computed, so the slower of the two counts; what a
 * selector asks for is read while the same layer's hits are computed, with the resident half on top.
 */
export function forecast({ bridge, path, sample, allocation, denseBytes }: ForecastInput): Plan['forecast'] {
  const record = Math.max(4096, Math.min(1 << 20, Math.max(...allocation.layers.map(({ unit }) => unit.slotBytes))));
  const probe = bridge.probeReads(path, record, PROBE_BYTES, READ_THREADS);
  const diskSpeed = probe.bytes / Math.max(probe.seconds, 1e-6);
  const weights = Math.min(SAMPLE_BYTES, allocation.touchedBytes + denseBytes);
  const computeSpeed = kernelSpeed(bridge, sample, weights);
  const fixed = denseBytes / computeSpeed + allocation.layers.length * LAYER_SECONDS;
  const reading = allocation.bytesPerToken / diskSpeed;
  const computing = allocation.touchedBytes / computeSpeed;
  const perToken = allocation.ring ? Math.max(reading, computing + fixed) : Math.max(reading, computing) + fixed;
  const load = (allocation.residentBytes + allocation.ffnBytes) / diskSpeed;
  return {
    tokensPerSecond: 1 / perToken,
    firstTokenSeconds: load + perToken,
    basis:
      `reads of ${Math.round(record / 1024)} KiB from the model's file at ${gigabytes(diskSpeed)} GB/s (${Math.round(probe.bytes / 1e6)} MB read), ` +
      `${sample.format} weights on ${bridge.isa} kernels at ${gigabytes(computeSpeed)} GB/s`,
  };
}

const gigabytes = (bytesPerSecond: number) => (bytesPerSecond / 1e9).toFixed(2);
