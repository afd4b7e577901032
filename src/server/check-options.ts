import {
  isPlainObject,
  type OptionTable,
  expect as require,
  requireOptionGroup,
  requireOptions,
} from '../api/checks/check-arguments.js';
import { CALLBACK, isText, isWholeFrom0, LOAD_OPTIONS, MEMORY, TUNING } from '../api/option-tables.js';
import { FlashrowError } from '../index.js';
import type { ServedModel, ServerOptions } from './options.js';

const CREATE = 'createServer()';

const isFilled = (value: unknown) => isText(value) && value !== '';
const isSource = (value: unknown) => isFilled(value) || value instanceof URL;
const areTexts = (value: unknown) => Array.isArray(value) && [...value].every(isFilled);
const isAbove0 = (value: unknown) => typeof value === 'number' && value > 0;

const SERVER_OPTIONS: OptionTable<ServerOptions> = {
  models: [
    (value) => Array.isArray(value) && value.length > 0,
    'an array of at least one model, like ["model.gguf"] or [{ source: "model.gguf" }]',
  ],
  memory: MEMORY,
  // An empty key would let everybody in.
  apiKey: [isFilled, 'a text that is not empty; without a key leave it out'],
  hosts: [(value) => value === 'any' || areTexts(value), 'an array of names, or "any"'],
  origins: [areTexts, 'an array of origins, like ["https://app.example"]'],
  maxBodyBytes: [(value) => isWholeFrom0(value) && value > 0, 'a whole number of bytes from 1'],
  maxQueue: [
    (value) => isWholeFrom0(value) || value === Number.POSITIVE_INFINITY,
    'a whole number from 0, or Infinity',
  ],
  keepAliveSeconds: [isAbove0, 'a number of seconds above 0'],
  loadSeconds: [isAbove0, 'a number of seconds above 0'],
  pingMs: [isAbove0, 'a number of milliseconds above 0'],
  maxReasoningTokens: [
    (value) => isWholeFrom0(value) || value === Number.POSITIVE_INFINITY,
    'a whole number from 0, or Infinity',
  ],
  wording: CALLBACK,
  onError: CALLBACK,
};

const SERVED_MODEL: OptionTable<ServedModel> = {
  name: [isFilled, 'a text that is not empty'],
  source: [isSource, 'a path, a name or a file URL'],
  template: [isText, 'a text'],
  options: [isPlainObject, 'an object, like { contextSize: 4096 }'],
};

const { memory: _, signal: __, onProgress: ___, maxQueue: ____, ...MODEL_LOAD } = LOAD_OPTIONS;

/** Throws BAD_USAGE for what is no option of a server: a key that is misspelt would leave it open to all. */
export function requireServerOptions(options: unknown): asserts options is ServerOptions {
  requireOptions(CREATE, options, SERVER_OPTIONS);
  if (options.models === undefined)
    throw new FlashrowError('BAD_USAGE', `models is missing: give ${SERVER_OPTIONS.models?.[1]}`, { option: 'models' });
  for (const [at, model] of options.models.entries()) requireModel(`models[${at}]`, model);
}

function requireModel(at: string, model: unknown): void {
  if (isSource(model)) return;
  require(isPlainObject(model), at, model, 'a path, a name, a file URL, or { source }');
  requireOptionGroup(CREATE, at, model, SERVED_MODEL);
  const { source, options } = model as Partial<ServedModel>;
  require(source !== undefined, `${at}.source`, source, 'a path, a name or a file URL');
  if (options === undefined) return;
  requireOptionGroup(CREATE, `${at}.options`, options, MODEL_LOAD);
  if (options.tuning !== undefined) requireOptionGroup(CREATE, `${at}.options.tuning`, options.tuning, TUNING);
}
