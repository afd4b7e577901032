import type { FinishReason, GenerationResult, Piece } from '../contract/api.js';
import type { GenerateSettings } from '../contract/protocol.js';
import { FlashrowError } from '../errors.js';
import { StopScanner } from '../text/stop-strings.js';
import { StreamDecoder } from '../text/stream-decoder.js';
import type { Tokenizer } from '../text/tokenizer.js';
import type { Engine } from './engine.js';
import type { Meter } from './meter.js';
import { Sampler } from './sampler.js';

/** The parts that a generation uses, and the callbacks that follow it. */
export interface GenerationParts {
  engine: Engine;
  tokenizer: Tokenizer;
  meter: Meter;
  vocabSize: number;
  contextSize: number;
  aborted: () => boolean;
  /** Tokens of the prompt whose state is held, out of all. */
  onPrefill: (done: number, total: number) => void;
  onPiece: (piece: Piece) => void;
}

/**
 * Runs a prompt and generates from it. The order: reuse the state of a common prefix, prefill the rest, then for each
 * token sample, decode to text, scan for stop strings, run the token. An abort, even during the prompt, returns the
 * text so far with `finishReason: 'abort'`. Throws BAD_USAGE (an empty prompt, ids outside the vocabulary),
 * CONTEXT_OVERFLOW, NOT_A_NUMBER, CORRUPT or IO.
 */
export async function generate(
  prompt: readonly number[],
  settings: GenerateSettings,
  parts: GenerationParts,
): Promise<GenerationResult> {
  const { engine, tokenizer, meter, vocabSize, contextSize } = parts;
  checkPrompt(prompt, vocabSize, contextSize);
  const eosIds = new Set(tokenizer.eosIds);
  const masked = [...tokenizer.suppressedIds, ...(settings.ignoreEos ? tokenizer.eosIds : [])];
  const sampler = new Sampler({ ...settings, vocabSize, masked });
  const decoder = new StreamDecoder();
  const scanner = new StopScanner(settings.stop);
  const history = [...prompt];
  const tokens: number[] = [];
  let text = '';
  const release = (released: string, token: number) => {
    text += released;
    parts.onPiece({ text: released, token });
  };

  const cached = engine.reuse(prompt);
  let finishReason: FinishReason = 'length';
  try {
    await engine.prefill(prompt, cached, (done) => parts.onPrefill(done, prompt.length));
    meter.endPrefill(prompt.length - cached);
    while (tokens.length < settings.maxTokens) {
      const id = sampler.next(engine.logits, history);
      if (eosIds.has(id)) {
        finishReason = 'stop';
        scanner.pushSpecial(tokenizer.token(id));
        break;
      }
      tokens.push(id);
      history.push(id);
      const bytes = tokenizer.bytes(id);
      const scan = bytes.length > 0 ? scanner.push(decoder.push(bytes)) : scanner.pushSpecial(tokenizer.token(id));
      release(scan.text, id);
      if (scan.stopped) {
        finishReason = 'stop';
        break;
      }
      if (tokens.length === settings.maxTokens || engine.position === contextSize) break;
      await engine.decode(id);
      meter.token();
    }
  } catch (error) {
    if (!(error instanceof FlashrowError && error.code === 'ABORTED' && parts.aborted())) throw error;
    finishReason = 'abort';
  }
  if (finishReason !== 'stop' || !scanner.stopped) {
    const last = scanner.push(decoder.end());
    const rest = last.text + (last.stopped ? '' : scanner.end());
    if (rest !== '') release(rest, tokens[tokens.length - 1]);
  }
  return {
    text,
    tokens,
    finishReason,
    usage: { prompt: prompt.length, cached, completion: tokens.length },
    receipt: meter.receipt(),
  };
}

/** Throws BAD_USAGE if an id is not in the vocabulary. */
export function checkIds(ids: readonly number[], vocabSize: number): void {
  const stranger = ids.find((id) => !Number.isInteger(id) || id < 0 || id >= vocabSize);
  if (stranger === undefined) return;
  throw new FlashrowError('BAD_USAGE', `token id ${stranger} is not in the vocabulary of ${vocabSize}`, {
    id: stranger,
    vocabSize,
  });
}

/**
 * Throws BAD_USAGE if there are no ids or one is not in the vocabulary, CONTEXT_OVERFLOW if they are more than the
 * context.
 */
export function checkPrompt(ids: readonly number[], vocabSize: number, contextSize: number): void {
  if (ids.length === 0)
    throw new FlashrowError(
      'BAD_USAGE',
      'the prompt is empty and this vocabulary adds no beginning-of-sequence token; give at least one token',
    );
  checkIds(ids, vocabSize);
  if (ids.length > contextSize) {
    throw new FlashrowError(
      'CONTEXT_OVERFLOW',
      `the prompt's ${ids.length} tokens do not fit the context of ${contextSize}; shorten it, or raise \`contextSize\``,
      {
        tokens: ids.length,
        contextSize,
      },
    );
  }
}
