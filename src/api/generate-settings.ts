import type { ChatOptions, GenerateOptions } from '../contract/api.js';
import type { GenerateSettings } from '../contract/protocol.js';
import type { OptionTable } from './check-arguments.js';
import { CALLBACK, isText, isWholeFrom0, PATH, SIGNAL, YES_OR_NO } from './option-tables.js';

const isNumber = (value: unknown): value is number => Number.isFinite(value);
const WHOLE_FROM_0 = [isWholeFrom0, 'a whole number from 0'] as const;

const isStop = (value: unknown) =>
  (Array.isArray(value) ? value : [value]).every((text) => isText(text) && text !== '');

export const GENERATE_OPTIONS: OptionTable<GenerateOptions> = {
  maxTokens: WHOLE_FROM_0,
  temperature: [(value) => isNumber(value) && value >= 0, 'a number from 0'],
  topK: WHOLE_FROM_0,
  topP: [(value) => isNumber(value) && value > 0 && value <= 1, 'above 0 and at most 1'],
  minP: [(value) => isNumber(value) && value >= 0 && value <= 1, 'from 0 to 1'],
  repeatPenalty: [(value) => isNumber(value) && value > 0, 'a number above 0'],
  seed: [Number.isSafeInteger, 'a whole number'],
  stop: [isStop, 'a text or an array of texts, none of them empty'],
  ignoreEos: YES_OR_NO,
  trace: [PATH![0], 'the path of a file'],
  signal: SIGNAL,
  onPrefill: CALLBACK,
};

export const CHAT_OPTIONS: OptionTable<ChatOptions> = { ...GENERATE_OPTIONS, template: [isText, 'a text'] };

/** Fills in the defaults of options that were checked. */
export function generateSettings(options: GenerateOptions): GenerateSettings {
  const { maxTokens = 256, temperature = 0, topK = 0, topP = 1, minP = 0, repeatPenalty = 1 } = options;
  const { seed = Math.floor(Math.random() * 2 ** 32), stop = [], ignoreEos = false, trace = null } = options;
  const sampling = { temperature, topK, topP, minP, repeatPenalty, seed };
  return { maxTokens, ...sampling, stop: Array.isArray(stop) ? [...stop] : [stop], ignoreEos, trace };
}
