import type { ErrorDetails } from '../error-details.js';
import type { ErrorCode } from '../errors.js';
import type { CachedModel, RemovedModels } from '../hub/cached-models.js';
import type { HubOptions } from '../hub/hub-options.js';
import type { ModelOptions } from '../plan/model-options.js';
import type { Plan } from '../plan/plan.js';
import type { LayerStatistics } from '../store/layer-statistics.js';
import type { ConvertResult } from '../store/write/writer.js';
import type { ChatMessage } from '../text/chat-template.js';
import type { EvaluationResult, GenerateOptions, GenerationResult, ModelInfo, Piece } from './api.js';
import type { ExaminedModel } from './examined-model.js';
import type { Progress } from './progress.js';
import type { PlannedPull, PulledModel } from './pulled-model.js';

/** Options as they reach the worker: no signals, no callbacks. */
export type PlainOptions = Pick<ModelOptions, 'memory' | 'contextSize' | 'exact' | 'threads' | 'cacheDir' | 'tuning'>;

/** How to reach a hub. The wait before another try is an event. */
export type HubSettings = Omit<HubOptions, 'onWait'>;

/** A failure before the wait of `ms` for another try, or progress. */
export type PullEvent = Progress | { failure: ErrorShape; ms: number };

/** Options that can cross a thread boundary, with defaults in place. */
export type GenerateSettings = Required<Omit<GenerateOptions, 'signal' | 'onPrefill' | 'stop' | 'trace'>> & {
  stop: string[];
  trace: string | null;
};

/** A text to continue, its ids, or a conversation; `template` null is the model's own. */
export type Prompt = string | readonly number[] | { messages: readonly ChatMessage[]; template: string | null };

export interface ConvertRequest {
  source: string;
  store: string;
  rows: string;
  dense: string;
}

/** The settings of a calibration. */
export interface CalibrationSettings {
  tokens: number;
  falseNegativeRate: number;
  rank: number | null;
  seed: number;
}

export interface CalibrationResult {
  /** The file of predictors that was written, and its bytes. */
  path: string;
  bytes: number;
  /** Bytes of the store without that file. */
  modelBytes: number;
  tokens: number;
  heldOutTokens: number;
  /** Measured layer by layer on the tokens that were held out. */
  layers: ({ rank: number; threshold: number } & LayerStatistics)[];
}

/** How well a selector does in one layer; shares from 0 to 1. */
export interface SelectorJudgement {
  /** Neurons that a token wakes, and those that the selector chooses for it, as shares of all. */
  activeShare: number;
  chosenShare: number;
  /** The share of active neurons that were not chosen. */
  falseNegativeRate: number;
  /** The share of idle neurons that were chosen. */
  falsePositiveRate: number;
}

/** The same tokens with every row that matters, and with those that a selector chose. */
export interface ComparisonResult {
  dense: EvaluationResult;
  sparse: EvaluationResult;
  /** Share of tokens for which both find the same next one likeliest. */
  topOneAgreement: number;
  /** Mean divergence of the dense distribution from the sparse one, nats. */
  klDivergence: number;
  /** The selector's choices on the dense run's inputs. */
  layers: SelectorJudgement[];
}

export interface VerifyResult {
  ok: boolean;
  bundles: number;
  /** Bundles in the checkpoint's own files, which have no checksums. */
  unchecked: number;
  bytes: number;
  firstBad: { file: string; layer: number | null; bundle: number | null; offset: number } | null;
}

/** The calls that the worker takes. `event` is a report that it may send on the way. */
export interface Methods {
  plan: { args: { source: string; options: PlainOptions }; result: Plan; event: never };
  convert: { args: ConvertRequest; result: ConvertResult; event: Progress };
  verify: { args: { store: string }; result: VerifyResult; event: Progress };
  /** What a source is. */
  examine: { args: { source: string; cacheDir: string | undefined }; result: ExaminedModel; event: never };
  /** Entries of the cache folder, and one that goes. */
  list: { args: { cacheDir: string | undefined }; result: CachedModel[]; event: never };
  remove: { args: { name: string; cacheDir: string | undefined }; result: RemovedModels; event: never };
  /** Looks at a model on a hub. */
  planPull: {
    args: { name: string; options: PlainOptions; hub: HubSettings };
    result: PlannedPull & { path: string };
    event: PullEvent;
  };
  /** Fetches what `planPull` found. */
  pull: { args: Record<string, never>; result: PulledModel; event: PullEvent };
  /** The store of a source, converted first where need be. */
  prepare: { args: { source: string; options: PlainOptions }; result: string; event: Progress };
  /** Trains the predictors of a store. */
  calibrate: {
    args: {
      store: string;
      documents: readonly string[];
      options: PlainOptions;
      settings: CalibrationSettings;
      anonymousBefore: number;
    };
    result: CalibrationResult;
    event: Progress;
  };
  /** A selector against every row. */
  compare: {
    args: {
      store: string;
      text: { documents: readonly string[] } | { sequences: readonly (readonly number[])[] };
      options: PlainOptions;
      anonymousBefore: number;
    };
    result: ComparisonResult;
    event: Progress;
  };
  /** Loads a store; the calls below need it. */
  open: {
    args: { store: string; options: PlainOptions; anonymousBefore: number };
    result: { info: ModelInfo; plan: Plan };
    event: Progress;
  };
  generate: {
    args: { prompt: Prompt; settings: GenerateSettings };
    result: GenerationResult;
    event: Piece | { done: number; total: number };
  };
  tokenize: { args: { text: string; special: boolean }; result: number[]; event: never };
  detokenize: { args: { ids: readonly number[] }; result: string; event: never };
  logprobs: { args: { tokens: readonly number[]; topK: number }; result: [number, number][][]; event: never };
  evaluate: {
    args: { sequences: readonly (readonly number[])[] };
    result: EvaluationResult;
    event: Progress;
  };
  close: { args: Record<string, never>; result: null; event: never };
}

export type Method = keyof Methods;

/**
 * A message to the worker, which runs one call at a time. An abort sets a flag in shared memory, which running work
 * looks at, and sends a message, too, for work that waits on the event loop.
 */
export type Request =
  | { [M in Method]: { id: number; method: M; args: Methods[M]['args'] } }[Method]
  | { abort: number };

/** A failure in a form that can cross to another thread. */
export interface ErrorShape {
  code: ErrorCode;
  message: string;
  details: ErrorDetails[ErrorCode];
}

/** From the worker. */
export type Reply = { id: number } & ({ event: unknown } | { result: unknown } | { error: ErrorShape });

/** Shared between both ends, which may not have time for messages. */
export const FLAGS = {
  /** Not 0 once the running call should end. */
  abort: 0,
  /** Not 0 while a call runs that must not be cut off; waited for where the process ends. */
  busy: 1,
} as const;

/** Handed to the worker at its start. */
export interface WorkerStart {
  /** Int32Array[2], see FLAGS. */
  flags: SharedArrayBuffer;
}
