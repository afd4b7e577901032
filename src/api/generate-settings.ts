import type { ChatOptions, GenerateOptions } from '../contract/generate-options.js';
import type { GenerateSettings } from '../contract/protocol.js';
import type { OptionTable } from './checks/check-arguments.js';
import { checkResponseFormat } from './checks/check-response-format.js';
import {
  CALLBACK,
  IMAGES,
  isText,
  isWholeFrom0,
  PATH,
  REGIONS,
  SIGNAL,
  TEMPLATE_OPTIONS,
  YES_OR_NO,
} from './option-tables.js';
import { SAMPLING_OPTIONS, samplingSettings } from './sampling-settings.js';
import { refuseTilde } from './source.js';

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

const SHARED: OptionTable<Omit<GenerateOptions, 'parseSpecial' | 'images' | 'regions'> & Recorded> = {
  maxTokens: [
    (value) => isWholeFrom0(value) || value === Number.POSITIVE_INFINITY,
    'a whole number from 0, or Infinity',
  ],
  maxReasoningTokens: [
    (value) => isWholeFrom0(value) || value === Number.POSITIVE_INFINITY,
    'a whole number from 0, or Infinity',
  ],
  ...SAMPLING_OPTIONS,
  stop: [isStop, 'a text or an array of texts, none of them empty'],
  ignoreEos: YES_OR_NO,
  trace: [PATH![0], 'the path of a file'],
  cacheKey: [(value) => isText(value) && value !== '', 'a text that is not empty'],
  draft: [(value) => value === 'off', "'off'; other drafts are options of `loadModel()`"],
  responseFormat: null,
  signal: SIGNAL,
  onStart: CALLBACK,
  onProgress: CALLBACK,
};

export const GENERATE_OPTIONS: OptionTable<GenerateOptions & Recorded> = {
  ...SHARED,
  parseSpecial: YES_OR_NO,
  images: IMAGES,
  regions: REGIONS,
};

export const CHAT_OPTIONS: OptionTable<ChatOptions & Recorded> = {
  ...SHARED,
  ...TEMPLATE_OPTIONS,
  toolChoice: null,
  parallelToolCalls: YES_OR_NO,
};

/** Fills in the defaults of options that were checked. Throws BAD_USAGE for a `responseFormat` that is none. */
export function generateSettings(options: GenerateOptions & Recorded): GenerateSettings {
  const { maxTokens = Number.POSITIVE_INFINITY, stop = [], ignoreEos = false } = options;
  const { maxReasoningTokens = Number.POSITIVE_INFINITY } = options;
  const { trace = null, cacheKey = null, responseFormat = { type: 'text' } } = options;
  checkResponseFormat(responseFormat);
  if (trace !== null) refuseTilde('trace', trace);
  const stops = typeof stop === 'string' ? [stop] : [...stop];
  const drafts = options.draft !== 'off';
  const limits = { maxTokens, maxReasoningTokens, stop: stops, ignoreEos };
  return { ...samplingSettings(options), ...limits, trace, cacheKey, drafts, responseFormat };
}
