import { CACHE_POLICIES, type CachePolicy } from '../cache/policy.js';
import { FlashrowError, shown } from '../errors.js';
import type { ModelSpec } from '../model/spec.js';
import { SELECTOR_NAMES } from '../select/selector.js';
import type { AllocationRequest } from './allocation.js';
import { chosenDraft, type Draft } from './drafts/draft-choice.js';
import { budgetBytes, defaultThreads } from './machine.js';
import { MAX_SEQUENCES, type PlanOptions } from './model-options.js';
import { isStateFormat, STATE_FORMATS } from './state-format.js';

const MAX_DEFAULT_CONTEXT = 4096;
const DEFAULT_WINDOW = 4;
const MAX_THREADS = 256;

/** Options with the defaults in place, checked against the model. The plan chooses a budget that is left open. */
export type Settings = Pick<
  AllocationRequest,
  'contextSize' | 'sequences' | 'stateFormat' | 'threads' | 'selector' | 'cache' | 'lossy'
> & {
  budgetBytes: number | null;
  /** Whether the context is the default, which the plan may shorten. */
  contextIsOpen: boolean;
  direct: boolean;
  trace: string | null;
  draft: Draft;
};

/**
 * Throws BAD_USAGE, naming the option and what it accepts. `details.option` is the option's name in the API, such as
 * `tuning.cache`.
 */
export function settingsFor(spec: ModelSpec, options: PlanOptions): Settings {
  const { threads = defaultThreads(), tuning = {} } = options;
  const usual = Math.min(spec.contextLength, MAX_DEFAULT_CONTEXT, options.usualContextSize ?? MAX_DEFAULT_CONTEXT);
  const { contextSize = usual } = options;
  const { selector = 'auto', state = 'f16', direct = true, cache = 'auto' } = tuning;
  if (!Number.isSafeInteger(contextSize) || contextSize < 1 || contextSize > spec.contextLength)
    throw badOption(
      'contextSize',
      `contextSize is a whole number from 1 to the ${spec.contextLength} tokens that the model was trained on, not ${shown(contextSize)}`,
      { contextLength: spec.contextLength },
    );
  if (!Number.isSafeInteger(threads) || threads < 1 || threads > MAX_THREADS)
    throw badOption('threads', `threads is a whole number from 1 to ${MAX_THREADS}, not ${shown(threads)}`);
  const { sequences = 1 } = options;
  if (!Number.isSafeInteger(sequences) || sequences < 1 || sequences > MAX_SEQUENCES)
    throw badOption('sequences', `sequences is a whole number from 1 to ${MAX_SEQUENCES}, not ${shown(sequences)}`);
  const lossy = options.exact === false;
  checkSelector(selector, tuning.trace, lossy);
  if (!isStateFormat(state))
    throw badOption('tuning.state', `tuning.state is ${anyOf(STATE_FORMATS)}, not ${shown(state)}`);
  return {
    budgetBytes: budgetBytes(options.memory),
    contextSize,
    contextIsOpen: options.contextSize === undefined,
    sequences,
    threads,
    selector,
    cache: cachePolicy(cache),
    stateFormat: state,
    direct,
    lossy,
    trace: tuning.trace ?? null,
    draft: chosenDraft(options.draft),
  };
}

function checkSelector(selector: string, trace: string | undefined, lossy: boolean): void {
  const names = ['auto', ...SELECTOR_NAMES];
  if (selector !== 'trace' && !names.includes(selector))
    throw badOption('tuning.selector', `tuning.selector is ${anyOf(names)}, not ${shown(selector)}`);
  if ((selector === 'low-rank' || selector === 'sign') && !lossy)
    throw badOption(
      'exact',
      `the selector ${selector} guesses which rows a token needs, so that the output changes; permit that with \`exact: false\``,
    );
  if ((selector === 'trace') !== (trace !== undefined) || (selector === 'trace' && !lossy))
    throw badOption(
      'tuning.trace',
      "to replay a trace, give `tuning.selector: 'trace'`, the file in `tuning.trace`, and `exact: false`; the output means nothing",
    );
}

function cachePolicy(choice: string): 'auto' | CachePolicy {
  if (choice === 'auto') return 'auto';
  const tokens = /^window:(\d+)$/.exec(choice)?.[1];
  if (tokens !== undefined) return { kind: 'window', window: Number(tokens) };
  const kind = CACHE_POLICIES.find((name) => name === choice);
  if (kind === undefined)
    throw badOption(
      'tuning.cache',
      `tuning.cache is ${anyOf(['auto', ...CACHE_POLICIES, 'window:k'])}, where k is a number of tokens, not ${shown(choice)}`,
    );
  return { kind, window: kind === 'window' ? DEFAULT_WINDOW : 0 };
}

/** A policy as a caller writes it. */
export const policyName = (policy: CachePolicy): string =>
  policy.kind === 'window' ? `window:${policy.window}` : policy.kind;

const anyOf = (names: readonly string[]): string => `${names.slice(0, -1).join(', ')} or ${names.at(-1)}`;

const badOption = (option: string, message: string, details = {}) =>
  new FlashrowError('BAD_USAGE', message, { option, ...details });
