/** A tool that the model may call: its name, and what its arguments are. */
export interface ToolSignature {
  name: string;
  /** A JSON schema of an object; null where none was given. */
  parameters: Readonly<Record<string, unknown>> | null;
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
}

/** Follows an answer, text piece by text piece. */
export interface DialectReader {
  /** What the next text belongs to. */
  readonly mode: 'text' | 'reasoning';
  /** True for a special token that has a meaning here, and is to be pushed as text. */
  takes(special: string): boolean;
  /** The parts that `text` settles. Neighbours may be of one type. */
  push(text: string): AnswerPart[];
  /** The rest, where nothing more comes. */
  end(): AnswerPart[];
}
