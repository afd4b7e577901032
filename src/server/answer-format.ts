import type { GenerationResult, Piece } from '../index.js';
import type { Refusal } from './failures.js';

/** How an API writes an answer: as events while it comes, or whole. An answer may have several choices. */
export interface AnswerFormat {
  /** Events before the first piece of a choice. The prompt's tokens are known by then. */
  begin(promptTokens: number, choice: number): string;
  piece(piece: Piece, choice: number): string;
  /** The end of a choice. */
  end(result: GenerationResult, choice: number): string;
  /** The end of all. */
  close(results: readonly GenerationResult[]): string;
  /** A failure after the headers. */
  failure(refusal: Refusal): string;
  /** A sign of life. */
  readonly ping: string;
  /** All choices, once their pieces have come. */
  whole(results: readonly GenerationResult[]): unknown;
}

export const sseData = (value: unknown): string => `data: ${JSON.stringify(value)}\n\n`;
export const sseEvent = (event: string, value: object): string =>
  `event: ${event}\ndata: ${JSON.stringify({ type: event, ...value })}\n\n`;
