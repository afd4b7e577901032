import type { EndedBy, FinishReason } from '../contract/generation.js';
import type { Piece } from '../contract/piece.js';
import type { EngineResult, GenerateSettings } from '../contract/protocol.js';
import { FlashrowError } from '../errors.js';
import { AnswerWriter, type WriterParts } from './answer-writer.js';
import type { Engine } from './engine.js';
import type { Meter } from './meter.js';
import { Drawing, type DrawingParts } from './sampling/drawing.js';

/** The parts that a generation uses, and the callbacks that follow it. */
export interface GenerationParts extends Omit<WriterParts, 'stop'>, DrawingParts {
  engine: Engine;
  meter: Meter;
  contextSize: number;
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
 * Runs a prompt and generates from it. The order: reuse the state of a common prefix, prefill the rest, then for each
 * token sample, decode to text, scan for stop strings, run the token. An abort, even during the prompt, returns the
 * text so far with `finishReason: 'abort'`. The prompt's ids were checked. Throws NOT_A_NUMBER, CORRUPT
 * or IO.
 */
export async function generate(
  prompt: readonly number[],
  settings: GenerateSettings,
  parts: GenerationParts,
): Promise<EngineResult> {
  const { engine, meter, contextSize } = parts;
  const answer = new AnswerWriter(prompt, { ...parts, stop: settings.stop }, parts.onPiece);
  const drawing = new Drawing(settings, parts, answer);
  const history = [...prompt];
  const tokens: number[] = [];

  const cached = engine.reuse(prompt, settings.cacheKey);
  let endedBy: EndedBy = 'maxTokens';
  try {
    await engine.prefill(prompt, cached, (done) => parts.onPrefill(done, prompt.length));
    meter.endPrefill(prompt.length - cached);
    while (tokens.length < settings.maxTokens) {
      const id = drawing.next(engine.logits, history);
      if (id === null || drawing.ends(id)) {
        if (id !== null) answer.pushEnd(id, tokens[tokens.length - 1]);
        endedBy = answer.stopped ? 'stop' : 'endToken';
        break;
      }
      tokens.push(id);
      history.push(id);
      drawing.take(id);
      if (answer.stopped) {
        endedBy = 'stop';
        break;
      }
      if (tokens.length === settings.maxTokens) break;
      if (engine.position === contextSize) {
        endedBy = 'contextSize';
        break;
      }
      await engine.decode(id);
      meter.token();
    }
  } catch (error) {
    if (!(error instanceof FlashrowError && error.code === 'ABORTED' && parts.aborted())) throw error;
    endedBy = 'abort';
  }
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
    receipt: meter.receipt(),
  };
}
