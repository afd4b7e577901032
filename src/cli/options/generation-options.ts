import type { Command } from 'commander';
import type { GenerateOptions } from '../../contract/generate-options.js';
import { badValue, integer } from './option-values.js';
import {
  addSamplingOptions,
  type SamplingFlagDefaults,
  type SamplingFlags,
  toSamplingOptions,
} from './sampling-options.js';
import { addStopOption } from './stop-option.js';

/** The options of a generation, as commander gives them. */
export interface GenerationFlags extends SamplingFlags {
  maxTokens?: number;
  maxReasoningTokens?: number;
  stop?: string[];
  ignoreEos?: boolean;
}

/** A command's own defaults; undefined leaves an option to the model. */
type Defaults = SamplingFlagDefaults & Pick<GenerationFlags, 'maxTokens'>;

export function addGenerationOptions(command: Command, defaults: Defaults): Command {
  command
    .optionsGroup('How tokens are drawn:')
    .option('--max-tokens <count>', 'tokens to generate at most', integer('--max-tokens', 0), defaults.maxTokens)
    .option(
      '--max-reasoning-tokens <count>',
      'tokens of reasoning at most: then the answer begins',
      integer('--max-reasoning-tokens', 0),
    );
  addSamplingOptions(command, defaults);
  return addStopOption(command).option('--ignore-eos', 'never draw an end-of-sequence token');
}

/** Throws BAD_USAGE for an empty stop string. */
export function toGenerateOptions(flags: GenerationFlags): GenerateOptions {
  if (flags.stop?.includes('')) throw badValue('--stop', '', 'a text that is not empty');
  const { maxTokens, maxReasoningTokens, stop, ignoreEos } = flags;
  return { ...toSamplingOptions(flags), maxTokens, maxReasoningTokens, stop, ignoreEos };
}
