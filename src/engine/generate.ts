import type { EndedBy, FinishReason } from '../contract/generation.js';
import type { Piece } from '../contract/piece.js';
import type { EngineResult, GenerateSettings } from '../contract/protocol.js';
import { FlashrowError } from '../errors.js';
import { AnswerWriter, type WriterParts } from './answer-writer.js';
import type { Speculation } from './drafts/speculation.js';
import { writeAnswer } from './drafts/write-answer.js';
import type { Meter } from './meter.js';
import type { PlacedPrompt } from './pictures/pictures.js';
import type { Lane } from './rounds/lane.js';
import { Drawing, type DrawingParts } from './sampling/drawing.js';

/** The parts that a generation uses, and the callbacks that follow it. */
export interface GenerationParts extends Omit<WriterParts, 'stop'>, Omit<DrawingParts, 'answer'> {
  /** The sequence that the prompt goes on with; it has the state of a prefix. */
  lane: Lane;
  /** The prompt as the engine runs it. */
  placed: PlacedPrompt;
  meter: Meter;
  /** Foretells tokens; null where each token has a pass of its own. */
  speculation: Speculation | null;
  /** Whether the model does nothing else. */
  alone: () => boolean;
  /** Tokens that this generation may have in a pass. */
  room: () => number;
  aborted: () => boolean;
  /** Tokens of the prompt that have run, out of all: after each layer of each chunk. It may be a fraction. */
  onPrefill: (done: number, total: number) => void;
  onPiece: (piece: Piece) => void;
}

const FINISH_REASONS: Readonly<Record<string, FinishReason>> = {
  endToken: 'stop',
  stop: 'stop',
  maxTokens: 'length',
  contextSize: 'length',
  abort: 'abort',
};

/**
 * Runs a prompt and generates from it. The order: keep the state of a common prefix, prefill the rest, then for each
 * token sample, decode to text, scan for stop strings, run the token (drafts/write-answer.ts). An abort, even during
 * the prompt, returns the text so far with `finishReason: 'abort'`. The prompt's ids were checked. Throws NOT_A_NUMBER,
 * CORRUPT or IO.
 */
export async function generate(
  prompt: readonly number[],
  settings: GenerateSettings,
  parts: GenerationParts,
): Promise<EngineResult> {
  const { lane, meter, speculation, alone, room } = parts;
  const answer = new AnswerWriter(prompt, { ...parts, stop: settings.stop }, parts.onPiece);
  const drawing = new Drawing(prompt, settings, { ...parts, answer });
  const { tokens } = drawing;
  const cached = lane.position;
  let aborted = false;
  try {
    parts.placed.see(cached);
    speculation?.follow(lane);
    const began = performance.now();
    await lane.prefill(parts.placed.ids, (done) => parts.onPrefill(done, prompt.length));
    meter.endPrefill(prompt.length - cached);
    speculation?.begin(prompt, performance.now() - began, parts.aborted);
    await writeAnswer({ lane, drawing, meter, speculation, alone, room });
  } catch (error) {
    if (!(error instanceof FlashrowError && error.code === 'ABORTED' && parts.aborted())) throw error;
    aborted = true;
  }
  let endedBy: EndedBy = aborted ? 'abort' : drawing.endedBy!;
  if (answer.end(tokens[tokens.length - 1])) endedBy = 'stop';
  return {
    text: answer.text,
    reasoning: answer.reasoning,
    toolCalls: answer.toolCalls,
    tokens,
    ...(drawing.logprobs ? { logprobs: drawing.logprobs } : {}),
    finishReason: endedBy === 'endToken' && answer.toolCalls.length > 0 ? 'tool-calls' : FINISH_REASONS[endedBy],
    endedBy,
    stopText: answer.stopText,
    usage: { prompt: prompt.length, cached, completion: tokens.length, reasoning: answer.reasoningTokens },
    receipt: meter.receipt(speculation?.name),
  };
}
