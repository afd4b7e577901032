import { statSync } from 'node:fs';
import type { Bridge, MatrixSource } from '../../native-bridge/bridge.js';
import { kernelSpeed, loadSpeed } from './speeds/kernel-speed.js';
import { record, recorded } from './speeds/speed-log.js';

/** A disk is read so often, for so much each time; the best counts. */
const [READ_PROBES, READ_BYTES] = [3, 24e6];
/** Weights that are multiplied by in turn: more than the processor's cache is likely to keep. */
const SAMPLE_BYTES = 256e6;
/** Probes as old as this are made anew, ms. */
const FRESH_MS = 3_600_000;

/** What to measure. */
export interface ProbeRequest {
  /** A file of the model. */
  path: string;
  recordBytes: number;
  readsAtOnce: number;
  /** A few rows of the model. */
  sample: MatrixSource;
  /** Weights that a token touches. */
  weightBytes: number;
  /** Tokens of a prompt that run together. */
  batchTokens: number;
  /** The cache folder, where figures are kept. */
  cacheDir: string;
  /** Figures of this call. */
  known: Map<string, number>;
}

/** What a machine does, in bytes per second. */
export interface Probes {
  recordBytes: number;
  disk: number;
  /** From the page cache into fresh memory, for one thread. */
  loads: number;
  /** Weights, for one token. */
  weights: number;
  /** Weights times tokens, where many tokens run together. */
  batch: number;
  /** What else is to be said of them, in words. */
  remarks: string[];
}

/** Speeds of another machine, in bytes per second, to forecast for in the place of this one's. */
export interface GivenSpeeds {
  disk?: number;
  /** Of weights that lie in memory, for one token. */
  memory?: number;
}

export const isGiven = ({ disk, memory }: GivenSpeeds): boolean => disk !== undefined || memory !== undefined;

/**
 * The probes of a machine of these speeds. Nobody says how its processor fares with many tokens together, so prompts
 * gain as much from slower or faster memory as a single token does.
 */
export function ofSpeeds(probes: Probes, { disk = probes.disk, memory = probes.weights }: GivenSpeeds): Probes {
  const share = memory / probes.weights;
  return { ...probes, disk, weights: memory, loads: probes.loads * share, batch: probes.batch * share };
}

/**
 * Times reads and kernels. Figures of the last hour are taken as they are, so that plans can be compared. Where other
 * work disturbs the probe of the kernels, an earlier figure is better.
 */
export function measure(bridge: Bridge, request: ProbeRequest): Probes {
  const { path, recordBytes, readsAtOnce, sample, weightBytes, batchTokens } = request;
  const remarks = new Set<Remark>();
  let least = 1;
  const disk = figure(request, `reads ${deviceOf(path)} ${recordBytes} x${readsAtOnce}`, remarks, () => {
    const speeds = Array.from({ length: READ_PROBES }, () => {
      const { bytes, seconds } = bridge.probeReads(path, recordBytes, READ_BYTES, readsAtOnce);
      return bytes / Math.max(seconds, 1e-6);
    });
    return { value: Math.max(...speeds), doubtful: false };
  });
  const loads = figure(request, `loads ${sample.format} ${bridge.isa}`, remarks, () => ({
    value: loadSpeed(bridge, sample),
    doubtful: false,
  }));
  const bytes = Math.min(SAMPLE_BYTES, weightBytes);
  const kernels = (tokens: number) =>
    figure(
      request,
      `kernels ${sample.format} ${sample.columns} of 2^${Math.round(Math.log2(bytes))} x${bridge.threads} ${bridge.isa} for ${tokens}`,
      remarks,
      () => {
        const { bytesPerSecond, coreShare, disturbed } = kernelSpeed(bridge, sample, bytes, tokens);
        least = Math.min(least, coreShare);
        return { value: bytesPerSecond * tokens, doubtful: disturbed };
      },
    );
  const weights = kernels(1);
  return {
    recordBytes,
    disk,
    loads,
    weights,
    batch: Math.max(weights, kernels(batchTokens)),
    remarks: [...remarks].map((remark) => inWords(remark, least)),
  };
}

/** How a figure was come by, where it was not simply measured now. */
type Remark = 'recent' | 'disturbed' | 'replaced';

function inWords(remark: Remark, coreShare: number): string {
  if (remark === 'recent') return 'some of it was measured within the last hour';
  const busy = `other work left ${Math.round(100 * coreShare)}% of the processor`;
  return remark === 'replaced'
    ? `${busy}, so the kernels are taken as an earlier plan found them`
    : `${busy}, so the kernels are taken as on a machine that is free, which is less certain`;
}

function figure(
  { cacheDir, known }: ProbeRequest,
  key: string,
  remarks: Set<Remark>,
  probe: () => { value: number; doubtful: boolean },
): number {
  const here = known.get(key);
  if (here !== undefined) return here;
  const earlier = recorded(cacheDir, key);
  const keep = (value: number) => {
    known.set(key, value);
    return value;
  };
  if (earlier !== null && Date.now() - earlier.at < FRESH_MS) {
    remarks.add('recent');
    return keep(earlier.median);
  }
  const { value, doubtful } = probe();
  if (!doubtful) {
    record(cacheDir, [{ key, value }]);
    return keep(value);
  }
  remarks.add(earlier === null ? 'disturbed' : 'replaced');
  return keep(earlier?.median ?? value);
}

function deviceOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.dev ?? 0;
}
