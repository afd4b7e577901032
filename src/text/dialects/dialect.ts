/** A tool that the model may call: its name, and what its arguments are. */
export interface ToolSignature {
  name: string;
  /** A JSON schema of an object; null where none was given. */
  parameters: Readonly<Record<string, unknown>> | null;
  /** Whether a call has to keep the schema: what cannot be kept is then refused. */
  strict?: boolean;
}

/** A call as the model wrote it. */
export interface WrittenCall {
  name: string;
  arguments: Record<string, unknown>;
  /** Where the model gave it one. */
  id?: string;
}

/** What an answer consists of, in order. */
export type AnswerPart =
  | { type: 'text'; text: string }
  | { type: 'reasoning'; text: string }
  | { type: 'tool-call'; call: WrittenCall };

/**
 * What a recogniser found: calls and the length of what they are written with; `more` where that depends on what comes;
 * `bad` where nothing that comes could make a call of it. An answer never changes when more text comes.
 */
export type Found = { calls: WrittenCall[]; length: number } | 'more' | 'bad';

/** A part of how a call is written, where its arguments are held to their schema. */
export type HeldPart =
  /** A control token, or its name as text. */
  | { mark: string }
  /** A text as it is. */
  | { text: string }
  /** The same, where at each of its blanks white space may stand, or nothing. */
  | { json: string }
  /**
   * What differs from call to call: the tool's name, its arguments as JSON, in Gemma's notation, or as Python's
   * keywords, a number, an id of nine letters.
   */
  | { of: 'name' | 'arguments' | 'gemma-arguments' | 'keywords' | 'number' | 'id' }
  /** Arguments as tags around bare texts. */
  | { tagged: HeldTags }
  | { optional: readonly HeldPart[] };

/** How a parameter is written. */
export interface HeldTags {
  /** What stands before its name. */
  key: readonly HeldPart[];
  /** What stands between name and value. */
  value: readonly HeldPart[];
  /** The same where the value is JSON and the tag says so; default none: the tool's schema says which it is. */
  json?: readonly HeldPart[];
  /** What stands behind the value and is no part of it. */
  before: readonly HeldPart[];
  /** The mark that ends it. */
  end: string;
  after: readonly HeldPart[];
}

/**
 * How calls are written that can be held to their tools: `open`, then one or, with `between`, several, then `close`. It
 * is plain data, as it crosses threads.
 */
export interface HeldForm {
  /** What begins calls: of the mark on, they are held. Empty for calls without a mark: they are the whole answer. */
  open: string;
  /**
   * True where `open` may stand in any text: a call is known by what stands before the end of a tool's name. Default
   * false.
   */
  named?: boolean;
  /** The control token that marks hold; default the marks are control tokens. */
  token?: string;
  /** What stands before the first call. */
  first?: readonly HeldPart[];
  call: readonly HeldPart[];
  /** What stands between two calls; without it there is one. */
  between?: readonly HeldPart[];
  close: readonly HeldPart[];
}

/** A way in which calls are written. */
export interface CallForm {
  /** What a call, or a list of them, begins with. */
  open: string;
  /** True where it counts only at the very beginning of the answer. Default false. */
  atStart?: boolean;
  /** Characters of which one is the last of what may end it. Default `>`. */
  last?: string;
  /**
   * Reads what follows `open`. With `final` nothing more comes, and a mark at the end may be missing. Only the
   * beginning of `body` that it needs may decide.
   */
  read(body: string, final: boolean, tools: readonly ToolSignature[]): Found;
}

/** Marks around what the model writes for itself. */
export interface ReasoningMarks {
  open: string;
  close: string;
  /** True where the mark counts anywhere; else only at the very beginning of the answer. */
  anywhere?: boolean;
  /** Marks that end it too, and are no part of it: a call in its midst. Default none. */
  endsBefore?: readonly string[];
}

/** How models of a kind write their reasoning and their calls of tools. */
export interface Dialect {
  reasoning: readonly ReasoningMarks[];
  calls: readonly CallForm[];
  /** Special tokens that have a meaning here, as the vocabulary writes them. */
  specials: readonly string[];
  /**
   * The beginning of an answer that is a call: of the tool `name`, or of any. Null where calls cannot be begun so. The
   * model goes on from it.
   */
  begin(name: string | null): string | null;
  /**
   * How calls are held to the schemas of their tools, by the model's template, the first form
   * being the one that a forced call takes. None for a dialect without calls.
   */
  held(template: string): readonly HeldForm[];
}

/** What is written one part after the other: control tokens, or their names as text, and texts. */
export type Written = readonly ({ mark: string } | { text: string })[];

/** Follows an answer, text piece by text piece. */
export interface DialectReader {
  /** What the next text belongs to. */
  readonly mode: 'text' | 'reasoning';
  /** What ends the reasoning that goes on, one of these, so that the answer follows. */
  readonly closings: readonly Written[];
  /** Text that came and is not settled yet. */
  readonly pending: string;
  /** True for a special token that has a meaning here, and is to be pushed as text. */
  takes(special: string): boolean;
  /** The parts that `text` settles. Neighbours may be of one type. */
  push(text: string): AnswerPart[];
  /** The rest, where nothing more comes. */
  end(): AnswerPart[];
}
