import type { Bridge, MatrixSource } from '../../native-bridge/bridge.js';
import { READ_THREADS } from '../disk/read-threads.js';
import type { Allocation } from './allocation.js';
import { kernelSpeed } from './kernel-speed.js';
import type { Plan } from './plan.js';

const PROBE_BYTES = 64e6;
/** Weights that are multiplied by in turn: more than the processor's cache is likely to keep. */
const SAMPLE_BYTES = 256e6;
/**
 * Time of a layer besides its weights: calls, attention over a short context, waking threads. Measured on models of 1
 * and 9 MB.
 */
const LAYER_SECONDS = 0.2e-3;

export interface ForecastInput {
  bridge: Bridge;
  /** A file of the model, to time reads. */
  path: string;
  /** A few rows of the model, to time kernels. */
  sample: MatrixSource;
  allocation: Allocation;
  /** Whether the model is a mixture of experts. */
  experts: boolean;
  /** Weights of the resident half that one token touches. */
  denseBytes: number;
}

/**
 * Says what speed to expect, after a short reading of the model's own file. A ring reads ahead while everything else is
 * computed, so the slower of the two counts. Neurons that a selector asks for are read while the same layer's hits are
 * computed; the resident half comes on top. A missing expert takes longer than the hits of its layer, and most layers
 * miss none, so that reading experts hides behind nothing.
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
