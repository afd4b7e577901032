import type { GenerationResult, Piece } from '../index.js';
import type { Refusal } from './failures.js';

/** Tokens of an answer by what they are for. */
export interface Counts {
  reasoningTokens: number;
}

/** How an API writes an answer: as events while it comes, or whole. */
export interface AnswerFormat {
  /** Events before the first piece. The prompt's tokens are known by then. */
  begin(promptTokens: number): string;
  piece(piece: Piece): string;
  end(result: GenerationResult, counts: Counts): string;
  /** A failure after the headers. */
  failure(refusal: Refusal): string;
  /** A sign of life. */
  readonly ping: string;
  whole(result: GenerationResult, counts: Counts): unknown;
}

export const sseData = (value: unknown): string => `data: ${JSON.stringify(value)}\n\n`;
export const sseEvent = (event: string, value: object): string =>
  `event: ${event}\ndata: ${JSON.stringify({ type: event, ...value })}\n\n`;
