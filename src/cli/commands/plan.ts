import { Command } from 'commander';
import { addExamples } from '../options/help.js';
import { addImageOption, addRegionOption, type RegionFlags } from '../options/image-option.js';
import {
  addDraftOption,
  addModelOptions,
  MODEL_ARGUMENT,
  type ModelFlags,
  parseMemory,
  toModelOptions,
} from '../options/model-options.js';
import { integer, parseSpeed } from '../options/option-values.js';
import { planInCommandWords } from '../output/command-words.js';
import { plural } from '../output/format.js';
import { noteAll, notice, printJson, printLine } from '../output/output.js';
import { formatPlan, formatPlans, planWarnings } from '../output/plan-table.js';
import { namedModel } from './named-model.js';
import { pictureTokens } from './picture-tokens.js';

interface PlanFlags extends Omit<ModelFlags, 'memory'>, RegionFlags {
  memory?: NonNullable<ModelFlags['memory']>[];
  promptTokens?: number;
  diskSpeed?: number;
  memorySpeed?: number;
  json?: boolean;
}

export function planCommand(): Command {
  const command = new Command('plan')
    .description(
      'where a memory budget would go, and how fast the model would be, before anything is loaded or converted',
    )
    .argument('<model>', MODEL_ARGUMENT)
    .option(
      '--prompt-tokens <count>',
      'length of the prompt that the first token waits for (default: 128, or the context)',
      integer('--prompt-tokens', 1),
    )
    .option(
      '--disk-speed <speed>',
      'forecast for a machine whose disk reads so fast, as 1.5GB/s (default: measured)',
      parseSpeed('--disk-speed'),
    )
    .option(
      '--memory-speed <speed>',
      'forecast for a machine whose memory gives weights so fast, as 20GB/s (default: measured)',
      parseSpeed('--memory-speed'),
    );
  addImageOption(command, '; its tokens count for the prompt');
  addRegionOption(command);
  addExamples(
    command,
    ['flashrow plan model.gguf', 'what it takes, and how fast it may be'],
    ['flashrow plan model.gguf --memory 2GB --context 1024', 'within a budget and a context'],
    ['flashrow plan model.gguf --memory 2GB,3GB,50%', 'several budgets side by side'],
    ['flashrow plan model.gguf --memory 3GB --disk-speed 100MB/s --memory-speed 4GB/s', 'what a small board may do'],
  );
  addDraftOption(addModelOptions(command));
  const memory = command.options.find(({ long }) => long === '--memory');
  if (memory) {
    memory.description += '; several, as 2GB,3GB,4GB, are planned side by side';
    memory.argParser((text: string) => text.split(',').map(parseMemory));
  }
  return command.action(showPlan);
}

/** Tokens of text that a prompt with pictures is planned with, where nothing is said. */
const TEXT_BESIDE_PICTURES = 64;

async function showPlan(source: string, { memory, ...flags }: PlanFlags): Promise<void> {
  const { planBudgets } = await import('../../api/plan-model.js');
  const model = await namedModel(source, flags.cacheDir);
  const pictures = flags.image === undefined && flags.region === undefined ? 0 : await pictureTokens(model, flags);
  const promptTokens = pictures === 0 ? flags.promptTokens : (flags.promptTokens ?? TEXT_BESIDE_PICTURES) + pictures;
  const { diskSpeed, memorySpeed } = flags;
  const options = { ...toModelOptions(flags), promptTokens, diskSpeed, memorySpeed };
  const plans = await planBudgets(model, memory ?? [undefined], options);
  noteAll(planWarnings(plans));
  const contexts = plans.map(({ contextSize }) => contextSize);
  if (promptTokens !== undefined && promptTokens > Math.min(...contexts))
    notice(
      `note: a prompt of ${plural(promptTokens, 'token')} does not fit a context of ${plural(Math.min(...contexts), 'token')}: a run would refuse it; --context makes room`,
    );
  if (plans.length > 1) {
    if (flags.json) printJson({ plans: plans.map(planInCommandWords) });
    else printLine(formatPlans(plans));
  } else if (flags.json) printJson(planInCommandWords(plans[0]));
  else printLine(formatPlan(plans[0]));
}
