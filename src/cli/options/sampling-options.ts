import type { Command } from 'commander';
import type { SamplingOptions } from '../../contract/sampling-options.js';
import { badValue, decimal, integer, type OptionParser } from './option-values.js';

/** The sampling options, as commander gives them. */
export type SamplingFlags = Omit<SamplingOptions, 'logprobs' | 'topLogprobs'>;

/** A command's own defaults; undefined leaves an option to the model. */
export type SamplingFlagDefaults = Pick<SamplingFlags, 'temperature' | 'repeatPenalty'>;

const shareAbove0 = (option: string) =>
  decimal(option, 'a number above 0, at most 1', (value) => value > 0 && value <= 1);
const shareFrom0 = (option: string) => decimal(option, 'a number from 0 to 1', (value) => value >= 0 && value <= 1);
const anyNumber = (option: string) => decimal(option, 'a number', () => true);

/** A number of tokens, or `all`. */
const window =
  (option: string): OptionParser<number> =>
  (text) => {
    if (text === 'all') return Number.POSITIVE_INFINITY;
    if (!/^\d{1,15}$/.test(text)) throw badValue(option, text, 'a whole number of at least 0, or all');
    return Number(text);
  };

/** `15043-5` or `15043-inf`, as llama.cpp writes it; may be repeated. */
function addBias(text: string, earlier: Readonly<Record<number, number>> = {}): Record<number, number> {
  const [, id, sign, amount] = /^(\d{1,10})([+-])(\d+\.?\d*|\.\d+|inf)$/.exec(text) ?? [];
  if (id === undefined || (sign === '+' && amount === 'inf'))
    throw badValue('--logit-bias', text, 'a token id and what is added to its logit, like 15043+1 or 15043-inf');
  const bias = amount === 'inf' ? Number.POSITIVE_INFINITY : Number(amount);
  return { ...earlier, [Number(id)]: sign === '-' ? -bias : bias };
}

export function addSamplingOptions(command: Command, defaults: SamplingFlagDefaults): Command {
  command
    .option(
      '--temperature <t>',
      '0 picks the likeliest token',
      decimal('--temperature', 'a number of at least 0', (t) => t >= 0),
      defaults.temperature,
    )
    .option('--top-k <count>', 'draw from the k likeliest tokens, 0 for all', integer('--top-k', 0))
    .option('--top-p <share>', 'draw from the likeliest tokens that make up this share', shareAbove0('--top-p'))
    .option('--min-p <share>', 'leave out tokens below this share of the likeliest one', shareFrom0('--min-p'))
    .option(
      '--typical-p <share>',
      'draw from the most typical tokens that make up this share',
      shareAbove0('--typical-p'),
    )
    .option('--xtc-probability <share>', 'leave out the likeliest tokens so often', shareFrom0('--xtc-probability'))
    .option('--xtc-threshold <share>', 'those are tokens of at least this probability', shareFrom0('--xtc-threshold'))
    .option(
      '--repeat-penalty <factor>',
      '1 leaves repeats alone',
      decimal('--repeat-penalty', 'a number above 0', (p) => p > 0),
      defaults.repeatPenalty,
    )
    .option('--presence-penalty <x>', 'is taken from logits of tokens that were there', anyNumber('--presence-penalty'))
    .option('--frequency-penalty <x>', 'the same, for each time that they were', anyNumber('--frequency-penalty'));
  return addWindows(command).option('--seed <number>', 'same seed, same draws', integer('--seed', 0));
}

function addWindows(command: Command): Command {
  return command
    .option('--penalty-window <count>', 'the last tokens that penalties look at, or all', window('--penalty-window'))
    .option(
      '--dry-multiplier <x>',
      'weakens tokens that repeat a sequence (DRY), 0 does not',
      decimal('--dry-multiplier', 'a number of at least 0', (x) => x >= 0),
    )
    .option(
      '--dry-base <x>',
      'how fast that grows with its length',
      decimal('--dry-base', 'a number of at least 1', (x) => x >= 1),
    )
    .option('--dry-allowed-length <count>', 'shorter sequences may repeat', integer('--dry-allowed-length', 1))
    .option('--dry-window <count>', 'the last tokens that DRY looks at, or all', window('--dry-window'))
    .option('--logit-bias <id+bias>', 'adds to the logit of a token, like 15043-inf; may be repeated', addBias);
}

/** The sampling among a command's flags. */
export function toSamplingOptions(flags: SamplingFlags): SamplingOptions {
  const { temperature, topK, topP, minP, typicalP, xtcProbability, xtcThreshold } = flags;
  const { repeatPenalty, presencePenalty, frequencyPenalty, penaltyWindow, seed, logitBias } = flags;
  const { dryMultiplier, dryBase, dryAllowedLength, dryWindow } = flags;
  return {
    ...{ temperature, topK, topP, minP, typicalP, xtcProbability, xtcThreshold },
    ...{ repeatPenalty, presencePenalty, frequencyPenalty, penaltyWindow, seed, logitBias },
    ...{ dryMultiplier, dryBase, dryAllowedLength, dryWindow },
  };
}
