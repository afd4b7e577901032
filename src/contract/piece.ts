import type { GroundedBox } from '../vision/boxes.js';
import type { TokenLogprob } from './token-logprob.js';

/** What all pieces have. */
interface AnyPiece {
  /** Where `logprobs` asked for it: that of the token, with the first of its pieces. Every token has one. */
  logprob?: TokenLogprob;
}

/** A piece of the answer's text. */
export interface TextPiece extends AnyPiece {
  /** Tells pieces of text from those to come. */
  type: 'text';
  /** Whole characters only. Empty while a character is incomplete, or while a stop text may be beginning. */
  text: string;
  /** The id of the token that brought it. */
  token: number;
  /**
   * The boxes that it completes, of a model that writes such, in pixels of the last picture; only where there are any.
   */
  boxes?: GroundedBox[];
}

/** A piece of what the model wrote for itself before it answers: `<think>`, gpt-oss' channels that are not `final`. */
export interface ReasoningPiece extends AnyPiece {
  /** Tells pieces of reasoning from others. */
  type: 'reasoning';
  /** Whole characters only. */
  text: string;
  /** The id of the token that brought it. */
  token: number;
}

/** A call of a tool, whole. */
export interface ToolCallPiece extends AnyPiece {
  /** Tells calls from other pieces. */
  type: 'tool-call';
  /** The call. */
  call: ToolCall;
  /** The id of the token that completed it. */
  token: number;
}

/** A call of a tool. */
export interface ToolCall {
  /** Names it: the `tool_call_id` of the message that brings the result. Random, where the model gives none. */
  id: string;
  /** The name of the tool. */
  name: string;
  /** What the model wants it to be called with. It keeps the tool's schema, unless `warnings` say no. */
  arguments: Record<string, unknown>;
}

/**
 * What a generation brings, piece by piece. Test `type` before anything else is read: pieces of other types will be
 * added.
 */
export type Piece = TextPiece | ReasoningPiece | ToolCallPiece;
