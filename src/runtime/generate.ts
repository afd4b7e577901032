import { FlashrowError } from '../errors.js';
import { StopScanner } from '../text/stop-strings.js';
import { StreamDecoder } from '../text/stream-decoder.js';
import type { Tokenizer } from '../text/tokenizer.js';
import type { FinishReason, GenerateOptions, GenerationResult, Piece } from './api.js';
import type { Engine } from './engine.js';
import type { Meter } from './meter.js';
import { Sampler } from './sampler.js';

/** Options that can cross a thread boundary, with defaults in place. */
export type GenerateSettings = Required<Omit<GenerateOptions, 'signal' | 'onPrefill' | 'stop' | 'trace'>> & {
  stop: string[];
  trace: string | null;
};

/** Fills in defaults and checks ranges. Throws BAD_USAGE naming the option. */
export function generateSettings(options: GenerateOptions): GenerateSettings {
  const settings: GenerateSettings = {
    maxTokens: options.maxTokens ?? 256,
    temperature: options.temperature ?? 0,
    topK: options.topK ?? 0,
    topP: options.topP ?? 1,
    minP: options.minP ?? 0,
    repeatPenalty: options.repeatPenalty ?? 1,
    seed: options.seed ?? Math.floor(Math.random() * 2 ** 32),
    stop:
      typeof options.stop === 'string'
        ? [options.stop]
        : Array.isArray(options.stop)
          ? [...options.stop]
          : options.stop === undefined
            ? []
            : [''],
    ignoreEos: options.ignoreEos ?? false,
    trace: options.trace ?? null,
  };
  const expect = (holds: boolean, option: keyof GenerateSettings, accepted: string) => {
    if (!holds)
      throw new FlashrowError('BAD_USAGE', `${option} is ${accepted}, not ${String(settings[option])}`, { option });
  };
  expect(Number.isSafeInteger(settings.maxTokens) && settings.maxTokens >= 0, 'maxTokens', 'a whole number from 0');
  expect(Number.isFinite(settings.temperature) && settings.temperature >= 0, 'temperature', 'a number from 0');
  expect(Number.isSafeInteger(settings.topK) && settings.topK >= 0, 'topK', 'a whole number from 0');
  expect(settings.topP > 0 && settings.topP <= 1, 'topP', 'above 0 and at most 1');
  expect(settings.minP >= 0 && settings.minP <= 1, 'minP', 'from 0 to 1');
  expect(Number.isFinite(settings.repeatPenalty) && settings.repeatPenalty > 0, 'repeatPenalty', 'a number above 0');
  expect(Number.isSafeInteger(settings.seed), 'seed', 'a whole number');
  expect(
    settings.stop.every((text) => typeof text === 'string' && text.length > 0),
    'stop',
    'texts that are not empty',
  );
  expect(
    settings.trace === null || (typeof settings.trace === 'string' && settings.trace !== ''),
    'trace',
    'the path of a file',
  );
  return settings;
}

export interface GenerationParts {
  engine: Engine;
  tokenizer: Tokenizer;
  meter: Meter;
  vocabSize: number;
  contextSize: number;
  aborted: () => boolean;
  onPrefill: (done: number, total: number) => void;
  onPiece: (piece: Piece) => void;
}

/**
 * Runs a prompt and writes on from it. An abort ends it with what there is (`finishReason: 'abort'`), during the prompt too.
 * Throws BAD_USAGE (an empty prompt, ids outside the vocabulary), CONTEXT_OVERFLOW, CORRUPT or IO.
 */
export async function generate(
  prompt: readonly number[],
  settings: GenerateSettings,
  parts: GenerationParts,
): Promise<GenerationResult> {
  const { engine, tokenizer, meter, vocabSize, contextSize } = parts;
  checkPrompt(prompt, vocabSize, contextSize);
  const eosIds = new Set(tokenizer.eosIds);
  const sampler = new Sampler({ ...settings, vocabSize, masked: settings.ignoreEos ? tokenizer.eosIds : [] });
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
        break;
      }
      tokens.push(id);
      history.push(id);
      const scan = scanner.push(decoder.push(tokenizer.bytes(id)));
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

/** Throws BAD_USAGE where an id is not in the vocabulary. */
export function checkIds(ids: readonly number[], vocabSize: number): void {
  const stranger = ids.find((id) => !Number.isInteger(id) || id < 0 || id >= vocabSize);
  if (stranger === undefined) return;
  throw new FlashrowError('BAD_USAGE', `token id ${stranger} is not in the vocabulary of ${vocabSize}`, {
    id: stranger,
    vocabSize,
  });
}

/** Ids that can be run: some, all in the vocabulary, no more than the context. */
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
      `the prompt's ${ids.length} tokens do not fit the context of ${contextSize}; shorten it or raise the context size`,
      {
        tokens: ids.length,
        contextSize,
      },
    );
  }
}
