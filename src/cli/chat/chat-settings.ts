import { Command } from 'commander';
import { nearestName } from '../../api/nearest-name.js';
import type { GenerateOptions, SamplingDefaults } from '../../contract/generate-options.js';
import { FlashrowError } from '../../errors.js';
import { addGenerationOptions, type GenerationFlags, toGenerateOptions } from '../options/generation-options.js';
import { badValue } from '../options/option-values.js';

/** The options of the command line: `/set` takes the same names and values. */
const OPTIONS = addGenerationOptions(new Command(), {}).options;
const nameOf = (long: string | undefined) => (long ?? '').slice(2);
const NAMES = OPTIONS.map(({ long }) => nameOf(long));
/** Gives an option back to the model. */
const DEFAULT = 'default';

/** How answers are drawn: what the command line said, what `/set` changed, and what the model's makers suggest. */
export class ChatSettings {
  readonly #flags: GenerationFlags;
  readonly #suggested: SamplingDefaults;

  constructor(flags: GenerationFlags, suggested: SamplingDefaults) {
    this.#flags = { ...flags };
    this.#suggested = suggested;
  }

  /** What to give a generation: the caller's options, without those that the caller leaves open. */
  get options(): GenerateOptions {
    const given = Object.entries(toGenerateOptions(this.#flags)).filter(([, value]) => value !== undefined);
    return Object.fromEntries(given);
  }

  /** The same with what the model's makers suggest: `chat` adds that itself, and `generate` does not. */
  get allOptions(): GenerateOptions {
    return { ...this.#suggested, ...this.options };
  }

  /** Sets an option as on the command line, like `temperature` to `0.7`. Throws BAD_USAGE. */
  set(name: string, value: string): void {
    const plain = name.replace(/^--/, '').replaceAll('_', '-').toLowerCase();
    const option = OPTIONS.find(({ long }) => nameOf(long) === plain);
    if (option === undefined) {
      const meant = nearestName(plain, NAMES);
      const advice = meant === null ? `it takes ${NAMES.join(', ')}` : `did you mean ${meant}?`;
      throw new FlashrowError('BAD_USAGE', `/set knows no ${name}; ${advice}`, { option: name });
    }
    const attribute = option.attributeName() as keyof GenerationFlags;
    const set = (chosen: unknown) => Object.assign(this.#flags, { [attribute]: chosen });
    if (value === DEFAULT) set(undefined);
    else if (option.isBoolean()) set(flagValue(name, value));
    else {
      const parsed = option.parseArg?.(value, undefined) ?? value;
      if (attribute === 'maxTokens') requireAnswer('/set max-tokens', parsed);
      set(parsed);
    }
    toGenerateOptions(this.#flags);
  }

  /** What is in use, in words: `temperature 0.6, top-k 20 (as the model's makers suggest)`. */
  describe(): string {
    const own = Object.entries(this.options).map(([name, value]) => written(name, value));
    const suggested = Object.entries(this.#suggested)
      .filter(([name]) => !(name in this.options))
      .map(([name, value]) => written(name, value));
    const parts = [
      own.join(', '),
      suggested.length > 0 ? `${suggested.join(', ')} (as the model's makers suggest)` : '',
    ].filter((part) => part !== '');
    if (this.allOptions.temperature === undefined) parts.push('the likeliest token each time');
    return parts.join('; ');
  }

  /** Whether two answers to the same messages may differ. */
  get draws(): boolean {
    return (this.allOptions.temperature ?? 0) > 0;
  }
}

/** Throws BAD_USAGE for answers of no tokens. */
export function requireAnswer(option: string, maxTokens: unknown): void {
  if (maxTokens === 0) throw badValue(option, '0', 'a whole number of at least 1: an answer has a token');
}

function flagValue(name: string, value: string): boolean {
  if (['on', 'true', 'yes'].includes(value)) return true;
  if (['off', 'false', 'no'].includes(value)) return false;
  throw badValue(`/set ${name}`, value, `on, off or ${DEFAULT}`);
}

/** `topK` and 20 as `top-k 20`. */
function written(name: string, value: unknown): string {
  const option = OPTIONS.find((known) => known.attributeName() === name);
  return `${nameOf(option?.long)} ${shownValue(value)}`;
}

function shownValue(value: unknown): string {
  if (Array.isArray(value)) return value.map((text) => JSON.stringify(text)).join(' ');
  if (value === Number.POSITIVE_INFINITY) return 'all';
  if (typeof value !== 'object' || value === null) return String(value);
  const biases = Object.entries(value as Record<string, number>);
  return biases
    .map(([id, bias]) => `${id}${bias < 0 ? '-' : '+'}${bias === Number.NEGATIVE_INFINITY ? 'inf' : Math.abs(bias)}`)
    .join(' ');
}
