import type { ChatOptions, GenerateOptions } from '../contract/generate-options.js';
import type { GenerateSettings } from '../contract/protocol.js';
import type { OptionTable } from './check-arguments.js';
import { isResponseFormat, RESPONSE_FORMATS } from './check-response-format.js';
import { CALLBACK, isText, isWholeFrom0, PATH, SIGNAL, TEMPLATE_OPTIONS, YES_OR_NO } from './option-tables.js';
import { refuseTilde } from './source.js';

const isNumber = (value: unknown): value is number => Number.isFinite(value);
const isStop = (value: unknown) =>
  (Array.isArray(value) ? value : [value]).every((text) => isText(text) && text !== '');

/** For benchmarks and the command line alone. */
interface Recorded {
  /**
   * Records which bundles each token asks for, in this new file; default none. It costs one bit a bundle of memory, and
   * one small write for each pass.
   */
  trace?: string | undefined;
}

const SHARED: OptionTable<Omit<GenerateOptions, 'parseSpecial'> & Recorded> = {
  maxTokens: [
    (value) => isWholeFrom0(value) || value === Number.POSITIVE_INFINITY,
    'a whole number from 0, or Infinity',
  ],
  temperature: [(value) => isNumber(value) && value >= 0, 'a number from 0'],
  topK: [isWholeFrom0, 'a whole number from 0'],
  topP: [(value) => isNumber(value) && value > 0 && value <= 1, 'above 0 and at most 1'],
  minP: [(value) => isNumber(value) && value >= 0 && value <= 1, 'from 0 to 1'],
  repeatPenalty: [(value) => isNumber(value) && value > 0, 'a number above 0'],
  seed: [Number.isSafeInteger, 'a whole number of at most 53 bits'],
  stop: [isStop, 'a text or an array of texts, none of them empty'],
  ignoreEos: YES_OR_NO,
  trace: [PATH![0], 'the path of a file'],
  cacheKey: [(value) => isText(value) && value !== '', 'a text that is not empty'],
  draft: [(value) => value === 'off', "'off'; other drafts are options of `loadModel()`"],
  responseFormat: [isResponseFormat, RESPONSE_FORMATS],
  signal: SIGNAL,
  onStart: CALLBACK,
  onProgress: CALLBACK,
};

export const GENERATE_OPTIONS: OptionTable<GenerateOptions & Recorded> = { ...SHARED, parseSpecial: YES_OR_NO };

export const CHAT_OPTIONS: OptionTable<ChatOptions & Recorded> = { ...SHARED, ...TEMPLATE_OPTIONS, toolChoice: null };

/** Fills in the defaults of options that were checked. */
export function generateSettings(options: GenerateOptions & Recorded): GenerateSettings {
  const { maxTokens = Number.POSITIVE_INFINITY, temperature = 0, topK = 0, topP = 1, minP = 0 } = options;
  const { repeatPenalty = 1, seed = Math.floor(Math.random() * 2 ** 32), stop = [] } = options;
  const { ignoreEos = false, trace = null, cacheKey = null, responseFormat = { type: 'text' } } = options;
  if (trace !== null) refuseTilde('trace', trace);
  const stops = typeof stop === 'string' ? [stop] : [...stop];
  return {
    maxTokens,
    temperature,
    topK,
    topP,
    minP,
    repeatPenalty,
    seed,
    stop: stops,
    ignoreEos,
    trace,
    cacheKey,
    drafts: options.draft !== 'off',
    responseFormat,
  };
}

/** The values with which an option leaves out nothing, for those that choose among the tokens to draw from. */
const LEAVES_ALL = { topK: 0, topP: 1, minP: 0 } as const;

/** Of the options given, those that change nothing, each in a sentence. `temperature` is the one in use. */
export function uselessOptions(given: GenerateOptions, temperature = 0): string[] {
  if (temperature > 0) return [];
  const useless: string[] = Object.entries(LEAVES_ALL)
    .filter(([name, neutral]) => {
      const value = given[name as keyof typeof LEAVES_ALL];
      return value !== undefined && value !== neutral;
    })
    .map(([name]) => name);
  if (given.seed !== undefined) useless.push('seed');
  return useless.map((name) => `\`${name}\` changed nothing: at \`temperature: 0\` the likeliest token is taken`);
}
