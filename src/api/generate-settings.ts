import type { GenerateOptions } from '../contract/api.js';
import type { GenerateSettings } from '../contract/protocol.js';
import { expect } from './check-arguments.js';

/** Fills in defaults and checks ranges. Throws BAD_USAGE that names the option. */
export function generateSettings(options: GenerateOptions): GenerateSettings {
  const maxTokens = options.maxTokens ?? 256;
  const temperature = options.temperature ?? 0;
  const topK = options.topK ?? 0;
  const topP = options.topP ?? 1;
  const minP = options.minP ?? 0;
  const repeatPenalty = options.repeatPenalty ?? 1;
  const seed = options.seed ?? Math.floor(Math.random() * 2 ** 32);
  const ignoreEos = options.ignoreEos ?? false;
  const trace = options.trace ?? null;
  const stop = stopTexts(options.stop);
  expect(isWholeFrom0(maxTokens), 'maxTokens', maxTokens, 'a whole number from 0');
  expect(Number.isFinite(temperature) && temperature >= 0, 'temperature', temperature, 'a number from 0');
  expect(isWholeFrom0(topK), 'topK', topK, 'a whole number from 0');
  expect(topP > 0 && topP <= 1, 'topP', topP, 'above 0 and at most 1');
  expect(minP >= 0 && minP <= 1, 'minP', minP, 'from 0 to 1');
  expect(Number.isFinite(repeatPenalty) && repeatPenalty > 0, 'repeatPenalty', repeatPenalty, 'a number above 0');
  expect(Number.isSafeInteger(seed), 'seed', seed, 'a whole number');
  expect(stop !== null, 'stop', options.stop, 'a text or an array of texts, none of them empty');
  expect(trace === null || (typeof trace === 'string' && trace !== ''), 'trace', trace, 'the path of a file');
  return { maxTokens, temperature, topK, topP, minP, repeatPenalty, seed, stop, ignoreEos, trace };
}

const isWholeFrom0 = (value: number): boolean => Number.isSafeInteger(value) && value >= 0;

/** The texts that end a generation; null where they are none. */
function stopTexts(stop: unknown): string[] | null {
  const texts = stop === undefined ? [] : Array.isArray(stop) ? [...stop] : [stop];
  return texts.every((text) => typeof text === 'string' && text !== '') ? texts : null;
}
