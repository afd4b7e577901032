import type { DeltaRequest, DeltaResult } from '../delta/apply-delta.js';
import type { ErrorDetails } from '../error-details.js';
import type { ErrorCode } from '../errors.js';
import type { ResponseFormat } from '../grammar/response-format.js';
import type { CachedModel, RemovedModels } from '../hub/cached-models.js';
import type { HubOptions } from '../hub/hub-options.js';
import type { CheckpointPart } from '../import/checkpoint.js';
import { MAX_SEQUENCES, type ModelOptions, type PlanOptions } from '../plan/model-options.js';
import type { Plan } from '../plan/plan.js';
import type { GivenSpeeds } from '../plan/probes.js';
import type { LayerStatistics } from '../store/layer-statistics.js';
import type { ConvertResult } from '../store/write/writer.js';
import type { ChatMessage } from '../text/chat-template.js';
import type { AnswerForm } from '../text/dialects/dialects.js';
import type { Tool, ToolChoice } from '../text/tools.js';
import type { VocabularyTable } from '../text/vocabulary-table.js';
import type { RecordedTrace } from '../trace/recorded.js';
import type { Replay } from '../trace/replay.js';
import type { Region } from '../vision/regions/region.js';
import type { ImageToken } from '../vision/vision-model.js';
import type { ActivitySample, StreamedLayer } from './activity.js';
import type { ExaminedModel } from './examined-model.js';
import type { EvaluationResult, GenerationResult } from './generation.js';
import type { SavedState } from './model.js';
import type { ModelInfo } from './model-info.js';
import type { Piece } from './piece.js';
import type { Progress } from './progress.js';
import type { PlannedPull, PulledModel } from './pulled-model.js';
import type { Receipt } from './receipt.js';
import type { SamplingSettings } from './sampling-options.js';

/** Options as they reach the worker: no signals, no callbacks. */
export type PlainOptions = Pick<
  PlanOptions,
  | 'memory'
  | 'contextSize'
  | 'usualContextSize'
  | 'sequences'
  | 'draft'
  | 'exact'
  | 'threads'
  | 'cacheDir'
  | 'tuning'
  | 'vision'
>;

/** A picture on its way to the engine. */
export interface PictureFile {
  /** What messages call it. */
  name: string;
  /** A PNG or a JPEG. */
  bytes: Uint8Array;
  /** Pixels, upright. */
  width: number;
  height: number;
  /** What of it the prompt is about, by the way. */
  regions: readonly Region[];
}

/** Width and height of a picture, and its regions. */
export type PictureSize = Pick<PictureFile, 'width' | 'height' | 'regions'>;

/** How to reach a hub. The wait before another try is an event. */
export type HubSettings = Omit<HubOptions, 'onWait'>;

/** A failure before the wait of `ms` for another try, or progress. */
export type PullEvent = Progress | { failure: ErrorShape; ms: number };

/** Options that can cross a thread boundary, with defaults in place. */
export interface GenerateSettings extends SamplingSettings {
  /** Infinity: no limit of its own. */
  maxTokens: number;
  /** The same of reasoning. */
  maxReasoningTokens: number;
  stop: string[];
  ignoreEos: boolean;
  trace: string | null;
  /** The name of the conversation; null without one. */
  cacheKey: string | null;
  /** Whether tokens may be foretold. */
  drafts: boolean;
  responseFormat: ResponseFormat;
}

/** What the engine knows of a generation that ended. `endedBy` is `abort` for every way of ending it from outside. */
export type EngineResult = Omit<GenerationResult, 'seed' | 'warnings'>;

/** A conversation and the template that writes it out; null is the model's own. `variables` are given to it as well. */
export interface Conversation {
  messages: readonly ChatMessage[];
  template: string | null;
  variables: Readonly<Record<string, unknown>>;
  tools: readonly Tool[];
  toolChoice: ToolChoice;
  /** Those that the messages hold, in order. */
  pictures: readonly PictureSize[];
  /** False where the answer ends with its first call. */
  parallelToolCalls: boolean;
}

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

/** What a calibration made. */
export interface CalibrationResult {
  /** The file of predictors that was written. */
  path: string;
  /** Its bytes. */
  bytes: number;
  /** Bytes of the store without that file. */
  modelBytes: number;
  /** Tokens that were looked at. */
  tokens: number;
  /** Those of them that were kept for measuring. */
  heldOutTokens: number;
  /** Measured layer by layer on the tokens that were held out. */
  layers: ({ rank: number; threshold: number } & LayerStatistics)[];
}

/** How well a selector does in one layer; shares from 0 to 1. */
export interface SelectorJudgement {
  /** Neurons that a token wakes, as a share of all. */
  activeShare: number;
  /** Neurons that the selector chooses for it, as a share of all. */
  chosenShare: number;
  /** The share of active neurons that were not chosen. */
  falseNegativeRate: number;
  /** The share of idle neurons that were chosen. */
  falsePositiveRate: number;
}

/** The same tokens with every row that matters, and with those that a selector chose. */
export interface ComparisonResult {
  /** The run with every row that matters. */
  dense: EvaluationResult;
  /** The run with the rows that the selector chose. */
  sparse: EvaluationResult;
  /** Share of tokens for which both find the same next one likeliest. */
  topOneAgreement: number;
  /** Mean divergence of the dense distribution from the sparse one, nats. */
  klDivergence: number;
  /** The selector's choices on the dense run's inputs. */
  layers: SelectorJudgement[];
  /** What makes the comparison say less than it seems to, each in a sentence. */
  warnings: string[];
}

/** What was found in a store. */
export interface VerifyResult {
  /** False where anything is damaged. */
  ok: boolean;
  /** Bundles that were checked. */
  bundles: number;
  /** Bundles in the checkpoint's own files, which have no checksums. */
  unchecked: number;
  /** Bytes that were read. */
  bytes: number;
  /** Where the first damage is; null where there is none. `layer` and `bundle` are null outside the rows. */
  firstBad: { file: string; layer: number | null; bundle: number | null; offset: number; reason?: string } | null;
}

/** The calls that the engine's thread takes. `event` is a report that it may send on the way. */
export interface Methods {
  /** A plan for each budget; none at all is the default budget. */
  plan: {
    args: {
      source: string;
      options: PlainOptions;
      budgets: readonly ModelOptions['memory'][];
      promptTokens?: number;
      speeds: GivenSpeeds;
    };
    result: Plan[];
    event: never;
  };
  convert: { args: ConvertRequest; result: ConvertResult; event: Progress };
  applyDelta: { args: DeltaRequest; result: DeltaResult; event: Progress };
  verify: { args: { store: string }; result: VerifyResult; event: Progress };
  /** What caches of `memoryBytes` would have read. */
  replay: { args: { trace: string | RecordedTrace; memoryBytes: number; cold: boolean }; result: Replay; event: never };
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
  /** The store of a source, converted first where need be, and its eyes. */
  prepare: {
    /**
     * `draftFor`: the store of the model that it is a draft of; null, the default, where it is none. `part`: what of
     * the source; default the model.
     */
    args: { source: string; options: PlainOptions; draftFor?: string | null; part?: CheckpointPart };
    result: { store: string; vision: string | null };
    event: Progress;
  };
  /** Writes what the draft `self` needs beside a store, where it is not there. */
  prepareSelf: {
    args: { store: string; options: PlainOptions; anonymousBefore: number };
    result: null;
    event: Progress;
  };
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
    args: {
      store: string;
      options: PlainOptions;
      anonymousBefore: number;
      /** Where conversations are kept, and how many bytes of them; null for nowhere. */
      sessions: { folder: string; mostBytes: number } | null;
      /** The token that pictures take the place of; null for a model without eyes. */
      image: ImageToken | null;
    };
    /** `idle` is the receipt of no work at all, `layers` says what streams. */
    result: { info: ModelInfo; plan: Plan; idle: Receipt; layers: StreamedLayer[] };
    event: Progress;
  };
  /**
   * Continues ids that were checked. `form` is how the answer is written, null where that is not known. `progress`:
   * whether anybody listens to the prompt's progress.
   */
  generate: {
    args: {
      prompt: readonly number[];
      pictures: readonly PictureFile[];
      settings: GenerateSettings;
      vocabulary: VocabularyTable;
      form: AnswerForm | null;
      progress: boolean;
    };
    result: EngineResult;
    event: Piece | Progress;
  };
  logprobs: {
    args: { tokens: readonly number[]; pictures: readonly PictureFile[]; topK: number; seed: number };
    result: [number, number][][];
    event: never;
  };
  evaluate: {
    args: { sequences: readonly (readonly number[])[] };
    result: EvaluationResult;
    event: Progress;
  };
  saveState: { args: { path: string }; result: SavedState; event: never };
  loadState: { args: { path: string }; result: SavedState; event: never };
  close: { args: Record<string, never>; result: null; event: never };
}

/** The calls that the thread beside the engine takes. It knows text, and no weights. */
export interface TextMethods {
  /** Loads the text side of a store; the calls below need it. */
  open: {
    args: { store: string; cacheDir: string | undefined; vision: string | null };
    /** `image`: the token that pictures take the place of; null without eyes. */
    result: { vocabulary: VocabularyTable; image: ImageToken | null };
    event: never;
  };
  /** `contextSize`: the ids are a prompt; null where any number will do. */
  encode: {
    args: {
      text: string;
      addSpecial: boolean;
      parseSpecial: boolean;
      contextSize: number | null;
      pictures: readonly PictureSize[];
    };
    result: number[];
    event: never;
  };
  decode: { args: { ids: readonly number[] }; result: string; event: never };
  /** Throws where a format cannot be kept. */
  checkFormat: { args: { format: ResponseFormat }; result: null; event: never };
  /** A conversation as text. */
  render: { args: Conversation; result: string; event: never };
  /** The number of ids that a conversation comes to. */
  count: { args: Conversation; result: number; event: never };
  /** A conversation as ids, with what changed nothing in it, and the number that the calls below know it by. */
  converse: {
    args: Conversation & { contextSize: number };
    result: { ids: readonly number[]; turn: number; form: AnswerForm | null; warnings: readonly string[] };
    event: never;
  };
  /** The ids again, where an answer that has come since lets more of them be kept; else null. */
  reconsider: { args: { turn: number }; result: readonly number[] | null; event: never };
  /** The answer to a conversation: it keeps its ids when the conversation goes on. */
  answered: { args: { turn: number; text: string; tokens: readonly number[] }; result: null; event: never };
}

/** Calls of a thread by their names. */
export type MethodMap = Methods | TextMethods;
export type Method = keyof Methods;

/** A call of a thread. */
export type Call<M> = { [Name in keyof M]: { id: number; method: Name; args: ArgumentsOf<M, Name> } }[keyof M];

export type ArgumentsOf<M, Name extends keyof M> = M[Name] extends { args: infer Args } ? Args : never;
export type ResultOf<M, Name extends keyof M> = M[Name] extends { result: infer Result } ? Result : never;
export type EventOf<M, Name extends keyof M> = M[Name] extends { event: infer Event } ? Event : never;

/**
 * A message to the engine's thread, which runs several generations at once, or one other call. An abort sets the call's
 * flag in shared memory, which running work looks at, and sends a message, too, for work that waits on the event loop.
 * `flag` is the flag's place, absent where nothing aborts the call.
 */
export type Request = (Call<Methods> & { flag?: number }) | { abort: number };

/** A failure in a form that can cross to another thread. */
export interface ErrorShape {
  code: ErrorCode;
  message: string;
  details: ErrorDetails[ErrorCode];
}

/** From the worker. */
export type Reply =
  | ({ id: number } & ({ event: unknown } | { result: unknown } | { error: ErrorShape }))
  /** Why the compiled kernels are not there. */
  | { slowKernels: string }
  /** What the app's owner should know, and no call is about. */
  | { warning: string }
  /** For all who look. */
  | { activity: ActivitySample };

/** Shared between both ends, which may not have time for messages. */
export const FLAGS = {
  /** Calls that run and must not be cut off; waited for where the process ends. */
  busy: 0,
  /** The first of the flags that are not 0 once a call should end, one for each that runs. */
  aborts: 1,
} as const;
export const FLAG_COUNT = FLAGS.aborts + MAX_SEQUENCES;

/** Handed to a thread at its start. */
export interface WorkerStart {
  /** Which calls it takes: `Methods`, or `TextMethods`. */
  takes: 'engine' | 'text';
  /** Int32Array[FLAG_COUNT], see FLAGS. */
  flags: SharedArrayBuffer;
  /** Int32Array[2]: how many look at the engine, and how many of them at each pass. */
  watchers?: SharedArrayBuffer;
}
