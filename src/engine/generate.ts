import type { EndedBy, FinishReason } from '../contract/generation.js';
import type { Piece } from '../contract/piece.js';
import type { EngineResult, GenerateSettings } from '../contract/protocol.js';
import { FlashrowError } from '../errors.js';
import type { Constraint } from '../grammar/constraint.js';
import { allowedTokens } from './allowed-tokens.js';
import { AnswerWriter, type WriterParts } from './answer-writer.js';
import type { Meter } from './meter.js';
import type { Lane } from './rounds/lane.js';
import { Sampler } from './sampler.js';

/** The parts that a generation uses, and the callbacks that follow it. */
export interface GenerationParts extends Omit<WriterParts, 'stop'> {
  /** The sequence that the prompt goes on with; it has the state of a prefix. */
  lane: Lane;
  meter: Meter;
  vocabSize: number;
  contextSize: number;
  aborted: () => boolean;
  /** What the answer has to keep, once reasoning has ended; null where any text will do. */
  constraint: Constraint | null;
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
 * token sample, decode to text, scan for stop strings, run the token. An abort, even during the prompt, returns the
 * text so far with `finishReason: 'abort'`. The prompt's ids were checked. Throws NOT_A_NUMBER, CORRUPT
 * or IO.
 */
export async function generate(
  prompt: readonly number[],
  settings: GenerateSettings,
  parts: GenerationParts,
): Promise<EngineResult> {
  const { lane, spelling, meter, vocabSize, contextSize } = parts;
  const eosIds = new Set(spelling.eosIds);
  const masked = [...spelling.suppressedIds, ...(settings.ignoreEos ? spelling.eosIds : [])];
  const sampler = new Sampler({ ...settings, vocabSize, masked });
  const answer = new AnswerWriter(prompt, { ...parts, stop: settings.stop }, parts.onPiece);
  const history = [...prompt];
  const tokens: number[] = [];

  const cached = lane.position;
  let endedBy: EndedBy = 'maxTokens';
  try {
    await lane.prefill(prompt, (done) => parts.onPrefill(done, prompt.length));
    meter.endPrefill(prompt.length - cached);
    while (tokens.length < settings.maxTokens) {
      const keeps = answer.reasons ? null : parts.constraint;
      const allowed = keeps && allowedTokens(keeps, eosIds);
      if (allowed === 'none') {
        endedBy = 'endToken';
        break;
      }
      const id = sampler.next(lane.logits(), history, allowed);
      if (eosIds.has(id)) {
        answer.pushEnd(id, tokens[tokens.length - 1]);
        endedBy = answer.stopped ? 'stop' : 'endToken';
        break;
      }
      keeps?.take(spelling.bytes(id));
      tokens.push(id);
      history.push(id);
      answer.push(id);
      if (answer.stopped) {
        endedBy = 'stop';
        break;
      }
      if (tokens.length === settings.maxTokens) break;
      if (lane.position === contextSize) {
        endedBy = 'contextSize';
        break;
      }
      await lane.decode(id);
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
    finishReason: endedBy === 'endToken' && answer.toolCalls.length > 0 ? 'tool-calls' : FINISH_REASONS[endedBy],
    endedBy,
    stopText: answer.stopText,
    usage: { prompt: prompt.length, cached, completion: tokens.length },
    receipt: meter.receipt(),
  };
}
