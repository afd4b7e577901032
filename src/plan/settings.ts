import { FlashrowError } from '../errors.js';
import type { ModelSpec } from '../model/spec.js';
import { budgetBytes, defaultThreads } from './machine.js';
import type { ModelOptions } from './model-options.js';
import type { AllocationRequest, CachePolicy } from './spend.js';
import { defaultContext } from './state.js';

const DEFAULT_WINDOW = 4;
const MAX_THREADS = 256;

/** Options with defaults in place and ranges checked against the model. */
export type Settings = Pick<
  AllocationRequest,
  'budgetBytes' | 'contextSize' | 'stateFormat' | 'threads' | 'selector' | 'cache' | 'lossy'
> & { direct: boolean; trace: string | null };

/** Throws BAD_USAGE naming the option and what it accepts. */
export function settingsFor(spec: ModelSpec, options: ModelOptions): Settings {
  const { contextSize = defaultContext(spec), threads = defaultThreads(), tuning = {} } = options;
  if (!Number.isSafeInteger(contextSize) || contextSize < 1 || contextSize > spec.contextLength) {
    throw new FlashrowError(
      'BAD_USAGE',
      `the context size is from 1 to the ${spec.contextLength} tokens that the model was trained on, not ${contextSize}`,
      {
        option: 'contextSize',
        contextLength: spec.contextLength,
      },
    );
  }
  if (!Number.isSafeInteger(threads) || threads < 1 || threads > MAX_THREADS) {
    throw new FlashrowError('BAD_USAGE', `threads is from 1 to ${MAX_THREADS}, not ${threads}`, { option: 'threads' });
  }
  const { selector = 'auto', state = 'f16', direct = true, cache = 'auto' } = tuning;
  if (!['auto', 'all', 'gate', 'low-rank', 'sign', 'router', 'trace'].includes(selector)) {
    throw new FlashrowError('BAD_USAGE', `selector is auto, all, gate, low-rank, sign or router, not ${selector}`, {
      option: 'selector',
    });
  }
  const lossy = options.exact === false;
  if ((selector === 'low-rank' || selector === 'sign') && !lossy) {
    const message = `the selector ${selector} guesses which rows a token needs; permit that with exact: false (--lossy)`;
    throw new FlashrowError('BAD_USAGE', message, { option: 'selector' });
  }
  if ((selector === 'trace') !== (tuning.trace !== undefined) || (selector === 'trace' && !lossy)) {
    const message = 'replaying a trace takes selector "trace", a trace and exact false: its output is meaningless';
    throw new FlashrowError('BAD_USAGE', message, { option: 'trace' });
  }
  if (state !== 'f16' && state !== 'f32')
    throw new FlashrowError('BAD_USAGE', `state is f16 or f32, not ${state}`, { option: 'state' });
  return {
    budgetBytes: budgetBytes(options.memory),
    contextSize,
    threads,
    selector,
    cache: cachePolicy(cache),
    stateFormat: state,
    direct,
    lossy,
    trace: tuning.trace ?? null,
  };
}

function cachePolicy(choice: string): 'auto' | CachePolicy {
  if (choice === 'auto') return 'auto';
  if (choice === 'lru' || choice === 'lfu' || choice === 'pin' || choice === 'hot+lru')
    return { kind: choice, window: 0 };
  const window = /^window(?::(\d+))?$/.exec(choice);
  const tokens = Number(window?.[1] ?? DEFAULT_WINDOW);
  if (!window)
    throw new FlashrowError('BAD_USAGE', `cache is auto, lru, lfu, window, window:k, pin or hot+lru, not ${choice}`, {
      option: 'cache',
    });
  return { kind: 'window', window: tokens };
}

export const policyName = (policy: CachePolicy): string =>
  policy.kind === 'window' ? `window:${policy.window}` : policy.kind;
