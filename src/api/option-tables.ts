import type { TemplateOptions, TokenizeOptions } from '../contract/generate-options.js';
import type { LoadOptions } from '../contract/model.js';
import { MEMORY_ACCEPTED } from '../plan/bytes.js';
import type { ModelOptions, ReplayTuning } from '../plan/model-options.js';
import { isImage } from '../text/chat-message.js';
import {
  type Accepts,
  isPlainObject,
  type OptionTable,
  requireOptionGroup,
  requireOptions,
} from './checks/check-arguments.js';

/*
 * What the options accept that several calls share. Sizes and names that depend on the model are checked in the worker.
 */

const isFunction = (value: unknown) => typeof value === 'function';

/** Told by what it can do: a signal of another realm is as good. */
const isSignal = (value: unknown) =>
  typeof value === 'object' &&
  value !== null &&
  isFunction((value as AbortSignal).throwIfAborted) &&
  isFunction((value as AbortSignal).addEventListener);

export const isText = (value: unknown): value is string => typeof value === 'string';
export const isWholeFrom0 = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

export const SIGNAL: Accepts = [isSignal, 'an AbortSignal'];
export const CALLBACK: Accepts = [isFunction, 'a function'];
export const YES_OR_NO: Accepts = [(value) => typeof value === 'boolean', 'true or false'];
export const PATH: Accepts = [(value) => isText(value) && value !== '', 'a path'];

export const MEMORY: Accepts = [(value) => isWholeFrom0(value) || isText(value), MEMORY_ACCEPTED];
/** Which numbers count depends on the model. */
const NUMBER: Accepts = [(value) => typeof value === 'number', 'a whole number from 1'];

export const TUNING: OptionTable<ReplayTuning> = {
  selector: null,
  trace: [isText, 'the path of a trace'],
  cache: null,
  state: null,
  direct: YES_OR_NO,
};

/** The options that shape a plan or a load. */
export const MODEL_OPTIONS: OptionTable<ModelOptions> = {
  memory: MEMORY,
  contextSize: NUMBER,
  sequences: NUMBER,
  draft: null,
  exact: YES_OR_NO,
  threads: NUMBER,
  vision: [(value) => value === false || isImage(value), 'the path of a vision tower, or false'],
  cacheDir: [(value) => isText(value) && value !== '', 'the path of a folder'],
  tuning: [isPlainObject, 'an object, like { cache: "lru" }'],
};

export const LOAD_OPTIONS: OptionTable<LoadOptions> = {
  ...MODEL_OPTIONS,
  signal: SIGNAL,
  onProgress: CALLBACK,
  maxQueue: [
    (value) => isWholeFrom0(value) || value === Number.POSITIVE_INFINITY,
    'a whole number from 0, or Infinity',
  ],
  // Looked at where the folder's path is.
  sessionsDir: null,
  sessionsSize: [(value) => isWholeFrom0(value) || isText(value), 'bytes, or a text like "2GB"'],
};

export const IMAGES: Accepts = [
  // Each one is looked at where they are taken (pictures/images.ts), to tell which is wrong.
  Array.isArray,
  'an array of pictures, each a path, a file URL, or the bytes of a PNG or a JPEG',
];

export const REGIONS: Accepts = [
  Array.isArray,
  'an array of regions, like [{ box: [left, top, right, bottom] }], [{ point: [across, down] }] or [{ mask }]',
];

export const TOKENIZE_OPTIONS: OptionTable<TokenizeOptions> = {
  addSpecial: YES_OR_NO,
  parseSpecial: YES_OR_NO,
  images: IMAGES,
  regions: REGIONS,
};

export const TEMPLATE_OPTIONS: OptionTable<TemplateOptions> = {
  template: [isText, 'a text'],
  templateVariables: [isPlainObject, 'an object, like { enable_thinking: false }'],
  // Looked at with the conversation.
  tools: null,
};

/** `requireOptions` for a call that takes `tuning` among its options. */
export function requireModelOptions<T extends Pick<ModelOptions, 'tuning'>>(
  call: string,
  options: unknown,
  table: OptionTable<T>,
): asserts options is T {
  requireOptions(call, options, table);
  if (options.tuning !== undefined) requireOptionGroup(call, 'tuning', options.tuning, TUNING);
}
