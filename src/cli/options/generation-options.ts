import type { Command } from 'commander';
import type { GenerateOptions } from '../../contract/generate-options.js';
import { badValue, decimal, integer } from './option-values.js';
import { addStopOption } from './stop-option.js';

/** The sampling options, as commander gives them. */
export interface GenerationFlags {
  maxTokens?: number;
  temperature?: number;
  topK?: number;
  topP?: number;
  minP?: number;
  repeatPenalty?: number;
  seed?: number;
  stop?: string[];
  ignoreEos?: boolean;
}

/** A command's own defaults; undefined leaves an option to the model. */
type Defaults = Pick<GenerationFlags, 'maxTokens' | 'temperature' | 'repeatPenalty'>;

const isShare = (value: number) => value > 0 && value <= 1;

export function addGenerationOptions(command: Command, defaults: Defaults): Command {
  command
    .optionsGroup('How tokens are drawn:')
    .option('--max-tokens <count>', 'tokens to generate at most', integer('--max-tokens', 0), defaults.maxTokens)
    .option(
      '--temperature <t>',
      '0 picks the likeliest token',
      decimal('--temperature', 'a number of at least 0', (t) => t >= 0),
      defaults.temperature,
    )
    .option('--top-k <count>', 'draw from the k likeliest tokens, 0 for all', integer('--top-k', 0))
    .option(
      '--top-p <share>',
      'draw from the likeliest tokens that make up this share',
      decimal('--top-p', 'a number above 0, at most 1', isShare),
    )
    .option(
      '--min-p <share>',
      'leave out tokens below this share of the likeliest one',
      decimal('--min-p', 'a number from 0 to 1', (p) => p >= 0 && p <= 1),
    )
    .option(
      '--repeat-penalty <factor>',
      '1 leaves repeats alone',
      decimal('--repeat-penalty', 'a number above 0', (p) => p > 0),
      defaults.repeatPenalty,
    )
    .option('--seed <number>', 'same seed, same draws', integer('--seed', 0));
  return addStopOption(command).option('--ignore-eos', 'never draw an end-of-sequence token');
}

/** Throws BAD_USAGE for an empty stop string. */
export function toGenerateOptions(flags: GenerationFlags): GenerateOptions {
  if (flags.stop?.includes('')) throw badValue('--stop', '', 'a text that is not empty');
  const { maxTokens, temperature, topK, topP, minP, repeatPenalty, seed, stop, ignoreEos } = flags;
  return { maxTokens, temperature, topK, topP, minP, repeatPenalty, seed, stop, ignoreEos };
}
