import type { Bridge, MatrixSource } from '../../native-bridge/bridge.js';
import { formatBlock, formatBytes } from '../disk/format-bytes.js';
import { READ_THREADS } from '../disk/read-threads.js';
import type { Allocation } from './allocation.js';
import type { Forecast } from './plan.js';
import { type GivenSpeeds, measure, ofSpeeds, type Probes } from './probes.js';
import type { RunSpeeds } from './speeds/run-speeds.js';

/**
 * Time of a layer besides its weights: calls, attention over a short context, waking threads. Measured on models of 1
 * and 9 MB.
 */
const LAYER_SECONDS = 0.2e-3;
/** Time of a layer for each token of a prompt, besides its weights: attention, norms, positions. */
const LAYER_TOKEN_SECONDS = 0.05e-3;
/** What is left of the speed where drafts are tried and never right. */
const DRAFTS_AT_LEAST = 0.97;
/** Threads, tokenizer and headers, before the first weight is read. */
const START_SECONDS = 0.2;

export interface ForecastInput {
  bridge: Bridge;
  /** A file of the model, to time reads. */
  path: string;
  /** A few rows of the model, to time kernels. */
  sample: MatrixSource;
  allocation: Allocation;
  /** Whether the model is a mixture of experts. */
  experts: boolean;
  /** Weights of the dense half that one token touches, streamed ones included, and those of the head among them. */
  denseBytes: number;
  headBytes: number;
  /** Weights of a draft model, all of which each token touches; 0 for drafts that cost nothing, null without drafts. */
  draftBytes: number | null;
  /** Tokens of the largest pass that drafts foretell. */
  mostTakenBack: number;
  /** Tokens of the prompt that the first token waits for, and how many of a prompt run together. */
  promptTokens: number;
  chunkTokens: number;
  /** The cache folder, where earlier probes are kept. */
  cacheDir: string;
  /** Figures of this call, so that several plans go by the same. */
  known: Map<string, number>;
  /** Speeds of another machine that the forecast is for; those left out are measured here. */
  speeds: GivenSpeeds;
  /** What earlier runs of this model with about as much memory measured; null without any. */
  earlier: RunSpeeds | null;
}

/**
 * Says what speed to expect, after a short reading of the model's own file, and corrected by what earlier runs
 * measured. A ring reads ahead while everything else is computed, so the slower of the two counts. Neurons that a
 * selector asks for are read while the same layer's hits are computed; the resident half comes on top. A missing expert
 * takes longer than the hits of its layer, and most layers miss none, so that reading experts hides behind nothing. A
 * prompt goes in chunks. The first finds an empty cache, and fills memory that the system has to clear meanwhile.
 */
export function forecast(input: ForecastInput): Forecast {
  const { allocation, denseBytes, earlier, promptTokens } = input;
  const recordBytes = Math.max(
    4096,
    Math.min(1 << 20, Math.max(...allocation.layers.map(({ unit }) => unit.slotBytes))),
  );
  const batch = Math.min(input.chunkTokens, promptTokens);
  const measured = measure(input.bridge, {
    ...{ path: input.path, sample: input.sample, cacheDir: input.cacheDir, known: input.known, recordBytes },
    readsAtOnce: Math.min(READ_THREADS, allocation.ring?.slots ?? READ_THREADS),
    weightBytes: allocation.touchedBytes + denseBytes,
    batchTokens: batch,
  });
  const probes = ofSpeeds(measured, input.speeds);
  const tokensPerSecond = earlier?.decode ?? 1 / secondsOf(1, input, probes, missShareAlone(allocation));
  const loadSeconds = START_SECONDS + allocation.residentBytes / Math.min(probes.disk, probes.loads);
  const prefillTokensPerSecond = earlier?.prefill ?? promptTokens / secondsOfPrompt(input, probes, loadSeconds);
  return {
    tokensPerSecond,
    withDrafts: withDrafts(tokensPerSecond, input, probes),
    prefillTokensPerSecond,
    loadSeconds,
    promptTokens,
    firstTokenSeconds: loadSeconds + promptTokens / prefillTokensPerSecond,
    diskBytesPerSecond: probes.disk,
    basis: basisOf(input, probes),
  };
}

/**
 * The speed where drafts lose what the governor lets them, and where a largest pass is right from end to end. Where
 * nothing is foretold, the cache has the memory of a draft.
 */
function withDrafts(alone: number, input: ForecastInput, probes: Probes): Forecast['withDrafts'] {
  if (input.draftBytes === null) return null;
  const { allocation } = input;
  const tokens = input.mostTakenBack;
  const drafting = (tokens - 1) * multiplying(input.draftBytes, 1, probes);
  const without = tokens * secondsOf(1, input, probes, missShareAlone(allocation));
  const gain = without / (secondsOf(tokens, input, probes, missShare(allocation)) + drafting);
  return { least: DRAFTS_AT_LEAST * alone, most: Math.max(1, gain) * alone };
}

/** Seconds of the first prompt, chunk by chunk: the first of them fills the cache. */
function secondsOfPrompt(input: ForecastInput, probes: Probes, loadSeconds: number): number {
  const { allocation, promptTokens, chunkTokens } = input;
  const missed = missShareOfBatch(allocation);
  const first = Math.min(chunkTokens, promptTokens);
  const rest = (promptTokens - first) % chunkTokens;
  const chunks = (promptTokens - first - rest) / chunkTokens;
  return (
    secondsOf(first, input, probes, 1) +
    clearing(first, input, probes, loadSeconds) +
    (chunks === 0 ? 0 : chunks * secondsOf(chunkTokens, input, probes, missed)) +
    (rest === 0 ? 0 : secondsOf(rest, input, probes, missed))
  );
}

/**
 * Seconds in which the system clears the memory of the cache while the first chunk fills it, all cores at once. All but
 * one have cleared some of it while a dense model loaded (native-bridge/src/stream/fresh_pages.h).
 */
function clearing(tokens: number, input: ForecastInput, { loads }: Probes, loadSeconds: number): number {
  const { allocation, bridge } = input;
  const filled = Math.min(allocation.arenaBytes, allocation.ffnBytes * union(allocation, tokens));
  const cleared = allocation.selector === 'all' ? (bridge.threads - 1) * loads * loadSeconds : 0;
  return Math.max(0, filled - cleared) / (loads * bridge.threads);
}

/** Seconds of a pass of `tokens` over all layers, where `missed` of what it needs has to be read. */
function secondsOf(tokens: number, input: ForecastInput, probes: Probes, missed: number): number {
  const { allocation, experts, denseBytes, headBytes } = input;
  const dense = allocation.denseStreamedBytes / probes.disk;
  const touched = allocation.ffnBytes * union(allocation, tokens);
  const perUnit = (tokens * allocation.touchedBytes) / Math.max(1, touched);
  const reading = (touched * missed) / probes.disk;
  const computing = multiplying(touched, perUnit, probes);
  // The head sees a prompt's last token alone.
  const fixed =
    multiplying(denseBytes - headBytes, tokens, probes) +
    multiplying(headBytes, 1, probes) +
    allocation.layers.length * (LAYER_SECONDS + (tokens - 1) * LAYER_TOKEN_SECONDS);
  if (allocation.selector === 'all') return Math.max(reading + dense, computing + fixed);
  // Matrices are read ahead while everything else goes on, but the disk does one thing at a time.
  return Math.max(reading + dense, (experts ? reading + computing : Math.max(reading, computing)) + fixed);
}

/** Seconds to multiply weights by `tokens` vectors: memory bounds few of them, the processor many. */
const multiplying = (bytes: number, tokens: number, { weights, batch }: Probes): number =>
  bytes * Math.max(1 / weights, tokens / batch);

/** The share of the streamed half that at least one of `tokens` needs, were their needs independent. */
const union = ({ touchedBytes, ffnBytes }: Allocation, tokens: number): number =>
  1 - (1 - Math.min(1, touchedBytes / ffnBytes)) ** tokens;

const missShare = ({ bytesPerToken, touchedBytes, denseStreamedBytes }: Allocation): number =>
  (bytesPerToken - denseStreamedBytes) / Math.max(1, touchedBytes);

/** The same while the cache has the memory of a draft that can be let go. */
const missShareAlone = (allocation: Allocation): number =>
  missShare(allocation) - (allocation.lent?.savedBytes ?? 0) / Math.max(1, allocation.touchedBytes);

/** Whether the feed-forward networks pass through the ring, and not just matrices of the dense half. */
const ringTakesUnits = ({ ring, selector }: Allocation): boolean => ring !== null && selector === 'all';

/** A batch needs nearly everything, so it finds no more than lies in the cache. */
const missShareOfBatch = (allocation: Allocation): number =>
  allocation.bytesPerToken === allocation.denseStreamedBytes
    ? 0
    : ringTakesUnits(allocation)
      ? missShare(allocation)
      : Math.max(missShare(allocation), 1 - allocation.cachedShare);

function basisOf({ sample, bridge, earlier, speeds }: ForecastInput, probes: Probes): string {
  const { recordBytes, disk, loads, weights, batch, remarks } = probes;
  const reads = speeds.disk === undefined ? "from the model's file " : '';
  const [given, scaled] =
    speeds.memory === undefined ? ['', ''] : [', as given,', ', in the proportion of this machine'];
  const measured =
    `reads of ${formatBlock(recordBytes)} ${reads}at ${perSecond(disk)}${speeds.disk === undefined ? '' : ', as given'}, ` +
    `fresh memory filled at ${perSecond(loads)}, ` +
    `${sample.format} weights on ${bridge.isa} kernels at ${perSecond(weights)} for one token${given} and ` +
    `${perSecond(batch)} times tokens for a prompt${scaled}`;
  const runs =
    earlier === null
      ? []
      : [
          `the speed of ${spedUp(earlier)} is that of ${earlier.count === 1 ? 'an earlier run' : `${earlier.count} earlier runs`} with about as much memory`,
        ];
  return [measured, ...remarks, ...runs].join('; ');
}

const spedUp = ({ decode, prefill }: RunSpeeds): string =>
  [decode === null ? [] : ['generation'], prefill === null ? [] : ['the prompt']].flat().join(' and of ');

const perSecond = (bytes: number): string => `${formatBytes(bytes)}/s`;
