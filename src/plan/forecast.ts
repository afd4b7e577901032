import type { Bridge, MatrixSource } from '../../native-bridge/bridge.js';
import { kernelSpeed } from './kernel-speed.js';
import { READ_THREADS } from './overhead.js';
import type { Plan } from './plan.js';
import type { Allocation } from './spend.js';

const PROBE_BYTES = 64e6;
/** Of weights that are multiplied by in turn: more than a processor's cache is likely to keep for them. */
const SAMPLE_BYTES = 256e6;
/** What a layer costs besides its weights: calls, attention over a short context, waking threads. Measured on models of 1 and 9 MB. */
const LAYER_SECONDS = 0.2e-3;

export interface ForecastInput {
  bridge: Bridge;
  /** The model's own file, to be read from. */
  path: string;
  /** Some rows of it, to be multiplied by; they should be few. */
  sample: MatrixSource;
  allocation: Allocation;
  /** Whether the model is a mixture of experts. */
  experts: boolean;
  /** Weights of the resident half that one token touches. */
  denseBytes: number;
}

/**
 * What to expect, from a short reading of the model's own file. A ring reads ahead whatever is computed, so the slower of the two counts; neurons that a
 * selector asks for are read while the same layer's hits are computed, with the resident half on top. An expert or two that a layer lacks take longer than
 * the hits beside them, and most layers lack none: hardly anything is hidden there.
 */
export function forecast({ bridge, path, sample, allocation, experts, denseBytes }: ForecastInput): Plan['forecast'] {
  const record = Math.max(4096, Math.min(1 << 20, Math.max(...allocation.layers.map(({ unit }) => unit.slotBytes))));
  const atOnce = Math.min(READ_THREADS, allocation.ring?.slots ?? READ_THREADS);
  const probe = bridge.probeReads(path, record, PROBE_BYTES, atOnce);
  const diskSpeed = probe.bytes / Math.max(probe.seconds, 1e-6);
  const weights = Math.min(SAMPLE_BYTES, allocation.touchedBytes + denseBytes);
  const computeSpeed = kernelSpeed(bridge, sample, weights);
  const fixed = denseBytes / computeSpeed + allocation.layers.length * LAYER_SECONDS;
  const reading = allocation.bytesPerToken / diskSpeed;
  const computing = allocation.touchedBytes / computeSpeed;
  const perToken = allocation.ring
    ? Math.max(reading, computing + fixed)
    : (experts ? reading + computing : Math.max(reading, computing)) + fixed;
  const load = (allocation.residentBytes + allocation.touchedBytes) / diskSpeed;
  return {
    tokensPerSecond: 1 / perToken,
    firstTokenSeconds: load + perToken,
    basis:
      `reads of ${Math.round(record / 1024)} KiB from the model's file at ${gigabytes(diskSpeed)} GB/s (${Math.round(probe.bytes / 1e6)} MB read), ` +
      `${sample.format} weights on ${bridge.isa} kernels at ${gigabytes(computeSpeed)} GB/s`,
  };
}

const gigabytes = (bytesPerSecond: number) => (bytesPerSecond / 1e9).toFixed(2);
