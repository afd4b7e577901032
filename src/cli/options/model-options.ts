import type { Command } from 'commander';
import { CACHE_POLICIES } from '../../cache/policy.js';
import { FlashrowError } from '../../errors.js';
import { BYTES_ACCEPTED, parseBytes, parsePercentage } from '../../plan/bytes.js';
import type { CacheChoice, DraftChoice, ModelOptions, SelectorChoice } from '../../plan/model-options.js';
import { STATE_FORMATS, type StateFormat } from '../../plan/state-format.js';
import { SELECTOR_NAMES } from '../../select/selector.js';
import { badValue, choice, integer, type OptionParser } from './option-values.js';

/** The kinds of `<model>` there are, for help texts. */
export const MODEL_ARGUMENT =
  'a store folder, a GGUF file, a Hugging Face folder, or the name of a model that was pulled';

/** The options shared by all commands that open a model, as commander gives them. */
export interface ModelFlags {
  memory?: number | string;
  context?: number;
  parallel?: number;
  draft?: DraftChoice;
  threads?: number;
  select: SelectorChoice;
  cache: CacheChoice;
  state: StateFormat;
  lossy?: boolean;
  direct: boolean;
  cacheDir?: string;
  /** Of the commands that take pictures (image-option.ts). */
  mmproj?: string;
}

export function addModelOptions(command: Command): Command {
  return command
    .optionsGroup('Memory and speed:')
    .option(
      '--memory <bytes>',
      'the budget: the memory that the model may take, like 2GB (10^9 bytes each), 1.5GiB, 6G (2^30) or 50% of what is left (default: 60%)',
      parseMemory,
    )
    .option(
      '--context <tokens>',
      'tokens that the model sees at once, prompt and answer (default: what it was trained on, at most 4096)',
      integer('--context', 1),
    )
    .option(
      '--parallel <count>',
      'conversations whose state is held side by side, each with a context of its own; serve answers as many at once (default: 1)',
      integer('--parallel', 1),
    )
    .option('--threads <count>', 'compute threads (default: the cores available, at most 8)', integer('--threads', 1))
    .option(
      '--select <selector>',
      'the selector, which says what is read from the disk for a token: everything (all), what its active neurons need (gate, of ReLU models), what a trained guess names (low-rank, sign), the experts that the model picks (router), or the best of these (auto)',
      parseSelector,
      'auto',
    )
    .option(
      '--cache <policy>',
      'what of it stays in memory for later tokens: auto, lru, window[:k], lfu, pin or hot+lru',
      parseCache,
      'auto',
    )
    .option(
      '--state <format>',
      'format of the state, the keys and values of the context: f16, f32, or q8 for twice the context, which is not exact',
      choice('--state', STATE_FORMATS),
      'f16',
    )
    .option('--lossy', 'permit selectors that guess: less is read, and the text may change')
    .option('--no-direct', "read through the system's page cache, where reads past it are refused or slow")
    .option(
      '--cache-dir <folder>',
      'the folder of converted and pulled models (default: FLASHROW_CACHE, else the cache folder of the platform)',
    );
}

/** The option of commands that write answers, or plan for them. */
export const addDraftOption = (command: Command): Command =>
  command.option(
    '--draft <draft>',
    'what foretells tokens, so that one pass brings several, where that wins time: lookup (what followed the last words earlier in the text), self (the model itself, with as many of its networks in 2 bits as fit), mtp (the block of a GGUF file that predicts further tokens), a small model with the same vocabulary, off, or auto, which is lookup; the text is the same',
    parseDraft,
  );

export function toModelOptions(flags: ModelFlags): ModelOptions {
  return {
    memory: flags.memory,
    contextSize: flags.context,
    sequences: flags.parallel,
    draft: flags.draft,
    exact: !flags.lossy,
    threads: flags.threads,
    cacheDir: flags.cacheDir,
    vision: flags.mmproj,
    tuning: { selector: flags.select, cache: flags.cache, state: flags.state, direct: flags.direct },
  };
}

/** `--memory`: bytes, an amount with a unit, or a percentage, which is left as it is written. */
export const parseMemory: OptionParser<number | string> = (text) => {
  if (parsePercentage(text) !== null) return text;
  try {
    return parseBytes(text);
  } catch {
    throw badValue('--memory', text, `${BYTES_ACCEPTED}, or a share of what is left, like 50%`);
  }
};

/** Bytes, or an amount with a unit. */
export const parseSize =
  (option: string): OptionParser<number> =>
  (text) => {
    try {
      return parseBytes(text);
    } catch (error) {
      if (!(error instanceof FlashrowError)) throw error;
      throw badValue(option, text, BYTES_ACCEPTED);
    }
  };

/** Names that are no models, whether they exist or not. */
const DRAFTS = ['auto', 'off', 'lookup', 'self', 'mtp'];

/** A draft by its name, or else a model. */
function parseDraft(text: string): DraftChoice {
  if (text === '') throw badValue('--draft', text, 'auto, off, lookup, self, mtp, or a model');
  return DRAFTS.includes(text) ? (text as DraftChoice) : { model: text };
}

const parseSelector = choice<SelectorChoice>('--select', ['auto', ...SELECTOR_NAMES]);

function parseCache(text: string): CacheChoice {
  const policy = (['auto', ...CACHE_POLICIES] as const).find((name) => name === text);
  if (policy) return policy;
  const window = /^window:([1-9]\d{0,5})$/.exec(text);
  if (window) return `window:${Number(window[1])}`;
  throw badValue('--cache', text, 'auto, lru, lfu, window, window:k (k tokens, at least 1), pin or hot+lru');
}
