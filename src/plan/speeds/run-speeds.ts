import type { Plan } from '../plan.js';
import { record, recorded } from './speed-log.js';

/** A run of fewer tokens says little. */
const [LEAST_DECODED, LEAST_PREFILLED] = [8, 64];
/** Runs whose caches hold about the same share are alike: steps of 5%. */
const SHARE_STEPS = 20;

/** And the memory of their weights: steps of a fourth of a doubling. A small budget also reads ahead less. */
const MEMORY_STEPS = 4;

/** What runs of a model with the same settings, and about as much memory, measured here. */
export interface RunSpeeds {
  /** Tokens per second, the median; null where none was measured. */
  decode: number | null;
  /** The same of first prompts after a load, of about as many tokens. */
  prefill: number | null;
  /** Runs that were counted, the newest five at most. */
  count: number;
}

/** What makes runs alike. */
export interface RunKind {
  /** Where the model's store lies, or will lie. */
  store: string;
  selector: string;
  cachePolicy: string;
  kernels: string;
  threads: number;
  /** `shareInMemory` of the plan. */
  cachedShare: number;
  /** `weightBytes` of the plan. */
  memoryBytes: number;
}

/** `cachedShare`, less what streams of the dense half as a share of the feed-forward networks. */
export const shareInMemory = ({ cachedShare, denseStreamedBytes, ffnBytes }: Plan): number =>
  cachedShare - denseStreamedBytes / ffnBytes;

/** What a plan has for weights, whether they stay or pass through. */
export const weightBytes = ({ residentBytes, cacheBytes }: Plan): number => residentBytes + cacheBytes;

/** What a piece of work measured; a speed is null where there was none. */
export interface MeasuredRun {
  decoded: number;
  decodeTokensPerSecond: number | null;
  prefilled: number;
  prefillTokensPerSecond: number | null;
}

/** Prompts of about as many tokens take about as long for each: between two powers of two. */
const prefillOf = (tokens: number) => `first prompt of 2^${Math.round(Math.log2(tokens))}`;

const keyOf = (kind: RunKind, phase: string): string =>
  `${phase} of ${kind.store} ${kind.selector} ${kind.cachePolicy} ${kind.kernels} x${kind.threads} ${Math.round(kind.cachedShare * SHARE_STEPS)}/${SHARE_STEPS} 2^${Math.round(MEMORY_STEPS * Math.log2(kind.memoryBytes)) / MEMORY_STEPS}`;

/** What earlier runs of this kind measured, with first prompts of about `promptTokens`; null where there are none. */
export function earlierRuns(cacheDir: string, kind: RunKind, promptTokens: number): RunSpeeds | null {
  const decode = recorded(cacheDir, keyOf(kind, 'decode'));
  const prefill = recorded(cacheDir, keyOf(kind, prefillOf(promptTokens)));
  if (decode === null && prefill === null) return null;
  return {
    decode: decode?.median ?? null,
    prefill: prefill?.median ?? null,
    count: Math.max(decode?.count ?? 0, prefill?.count ?? 0),
  };
}

/**
 * Notes what runs of a model measure; `keep` adds it to the cache folder. A model is loaded once and may run a thousand
 * times, so nothing is written before.
 */
export function runLog(cacheDir: string, kind: RunKind): { note: (run: MeasuredRun) => void; keep: () => void } {
  let decode: number | null = null;
  let first: MeasuredRun | null = null;
  return {
    note: (run) => {
      first ??= run;
      // To score a text is other work: it computes the logits of every position.
      if (run.decoded >= LEAST_DECODED) decode = run.decodeTokensPerSecond ?? decode;
    },
    keep: () => {
      const told = first !== null && first.decoded >= LEAST_DECODED && first.prefilled >= LEAST_PREFILLED;
      const figures = [
        { key: keyOf(kind, 'decode'), value: decode },
        ...(told ? [{ key: keyOf(kind, prefillOf(first!.prefilled)), value: first!.prefillTokensPerSecond }] : []),
      ];
      record(
        cacheDir,
        figures.flatMap(({ key, value }) => (value === null ? [] : [{ key, value }])),
      );
    },
  };
}
