/*
 * What `details` of a FlashrowError may hold, code by code. All of it is JSON-safe. A field that is marked optional is
 * there where it says something: a damaged header has an `offset`, a vocabulary that contradicts itself has none.
 */

/** A task that would mend a failure: one for `pullModel`, `listModels` or `removeModel`. */
export type Remedy =
  | { action: 'pull'; model: string }
  | { action: 'list'; cacheDir?: string }
  | { action: 'remove'; name: string; cacheDir?: string };

/** A mistake of the caller's. */
export interface BadUsageDetails {
  /**
   * The option or argument, as the API calls it (`memory`, `tuning.selector`); the command line's own errors give its
   * flag.
   */
  option?: string;
  /** What was given. */
  value?: unknown;
  /** What would have been accepted, in words. */
  accepted?: string;
  /** A file or folder that is not what the call takes. */
  path?: string;
  /** A checkpoint or store that is not what the call takes. */
  source?: string;
  /** `organization/repository` on a hub. */
  repo?: string;
  /** The names of the models in a repository, comma separated. */
  tags?: string;
  /** The name that commander, the command line's parser, gives a mistake. */
  reason?: string;
  /** True where the destination of a conversion already holds a finished store. */
  finished?: boolean;
  /** A token id that the vocabulary does not have, its position, and the size of the vocabulary. */
  id?: unknown;
  index?: number;
  vocabSize?: number;
  /** The most tokens of context that the model was trained on. */
  contextLength?: number;
  /** Tokens that a text has, and the least that are needed. */
  tokens?: number;
  least?: number;
  /** Sequences given. */
  sequences?: number;
  /** A tensor that does not fit the format asked for. */
  tensor?: string;
  format?: string;
  selector?: string;
  cache?: string;
  /** What a hub answered. */
  what?: string;
  status?: number;
  hubCode?: string;
}

/** Something sound that this version cannot run. */
export interface UnsupportedDetails {
  /** The option that asks for it, as the API calls it. */
  option?: string;
  path?: string;
  /** The key of the metadata or of the configuration that asks for it. */
  key?: string;
  tensor?: string;
  /** The type of a tensor or of a tokenizer's step, as its file names it. */
  type?: unknown;
  architecture?: unknown;
  activation?: string;
  selector?: string;
  cache?: string;
  /** What is supported in its place: names, or the newest version of a format. */
  supported?: readonly string[] | number;
  version?: unknown;
  formatVersion?: unknown;
  /** The tokenizer's model, part or pattern. */
  model?: unknown;
  pre?: unknown;
  part?: unknown;
  pattern?: unknown;
  value?: unknown;
  neuronsPerBundle?: number;
  repo?: string;
  /** What a hub answered. */
  what?: string;
  status?: number;
  hubCode?: string;
}

/** A file that contradicts itself, or whose checksum does not match. */
export interface CorruptDetails {
  path?: string;
  /** A file of a store, by its name in the store's folder. */
  file?: string;
  /** Bytes from the file's start to the damage. */
  offset?: number;
  /**
   * Where in the model the damage is, from 0. In a mixture of experts a bundle is an expert, and `expert` is the same
   * number.
   */
  layer?: number;
  bundle?: number;
  expert?: number;
  tensor?: string;
  row?: number;
  column?: number;
  /** The key of the metadata or of the configuration. */
  key?: string;
  /** The field of a store's manifest. */
  where?: string;
  /** A line of a text file, from 1. */
  line?: number;
  /** The entry of a tokenizer's list, from 0. */
  at?: number;
  piece?: string;
  id?: unknown;
  tokens?: number;
  scores?: number;
  bosId?: number | null;
  vocabSize?: number;
  /** Hex digests: of what should have come, and of what did. */
  expected?: string;
  found?: string;
  repo?: string;
  errno?: string | null;
  remedy?: Remedy;
}

/** `plan/insufficient-memory.ts` adds the plan of the model that does not fit. */
export interface InsufficientMemoryDetails {
  /** The least that would do, and what was given. */
  minimumBytes?: number;
  budgetBytes?: number;
  path?: string;
  offset?: number;
  layer?: number;
  bundle?: number;
  errno?: string;
}

export interface ContextOverflowDetails {
  /** Tokens that should have fitted, and the tokens that do. */
  tokens: number;
  contextSize: number;
}

export interface DiskFullDetails {
  path: string;
  /** What the whole write needs, and what was free when it began. */
  neededBytes: number;
  freeBytes: number;
}

export interface NotWritableDetails {
  path: string;
  /** The file system's own code, such as EACCES. */
  errno?: string | null;
}

export interface NotFoundDetails {
  path?: string;
  file?: string;
  offset?: number;
  /** The option that named it. */
  option?: string;
  /** What was asked for, where it is neither a path nor a model in the cache folder. */
  source?: string;
  name?: string;
  remedy?: Remedy;
  /** What a hub answered. */
  what?: string;
  status?: number;
  hubCode?: string;
}

/** Empty: an abort says what it has to say in its message. */
export type AbortedDetails = Record<never, never>;

export interface BusyDetails {
  /** The lock file, where another process is at work. */
  lock?: string;
  /** The process that holds it; missing where it was just letting go. */
  pid?: number;
  /** Calls that wait for their turn, where the model's queue is full. */
  waiting?: number;
}

export interface IoDetails {
  path?: string;
  file?: string;
  offset?: number;
  layer?: number;
  bundle?: number;
  expert?: number;
  option?: string;
  /** The system's own code, such as EIO. */
  errno?: string | null;
  /** What was fetched from a hub, and what the hub answered. */
  what?: string;
  status?: number;
  hubCode?: string;
  /** Whether waiting may mend it, and how long the server asks to wait, seconds. */
  retry?: boolean;
  retryAfterSeconds?: number;
}

/** A model that computes NaN or infinity. */
export interface NotANumberDetails {
  /** The best logit: `NaN`, `Infinity` or `-Infinity`. */
  value: string;
}

/** The type of `details`, by `code`. */
export interface ErrorDetails {
  /** An argument or option is wrong. */
  BAD_USAGE: BadUsageDetails;
  /** The model, format or combination of options is not supported. */
  UNSUPPORTED: UnsupportedDetails;
  /** A file is damaged, cut short, or has changed since it was converted. */
  CORRUPT: CorruptDetails;
  /** The budget is too small, or the system refused memory. */
  INSUFFICIENT_MEMORY: InsufficientMemoryDetails;
  /** The prompt has more tokens than the context. */
  CONTEXT_OVERFLOW: ContextOverflowDetails;
  /** The disk has no room for what is to be written. */
  DISK_FULL: DiskFullDetails;
  /** A place cannot be written, or is taken. */
  NOT_WRITABLE: NotWritableDetails;
  /** A file, model or store does not exist. */
  NOT_FOUND: NotFoundDetails;
  /** The model was disposed of while a call ran. */
  ABORTED: AbortedDetails;
  /** Another process is at work there, or too many calls wait. */
  BUSY: BusyDetails;
  /** A read, a write, a connection or a thread failed. */
  IO: IoDetails;
  /** The model computed NaN or infinity. */
  NOT_A_NUMBER: NotANumberDetails;
}
