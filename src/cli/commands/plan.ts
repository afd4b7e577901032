import { Command } from 'commander';
import { addExamples } from '../options/help.js';
import { addModelOptions, MODEL_ARGUMENT, type ModelFlags, toModelOptions } from '../options/model-options.js';
import { printJson, printLine } from '../output/output.js';
import { formatPlan } from '../output/plan-table.js';
import { namedModel } from './named-model.js';

interface PlanFlags extends ModelFlags {
  json?: boolean;
}

export function planCommand(): Command {
  const command = new Command('plan')
    .description('where a memory budget would go, before anything is loaded or converted')
    .argument('<model>', MODEL_ARGUMENT);
  addExamples(
    command,
    ['flashrow plan model.gguf', 'what it takes, and how fast it may be'],
    ['flashrow plan model.gguf --memory 2GB --context 1024', 'within a budget and a context'],
  );
  return addModelOptions(command).action(showPlan);
}

async function showPlan(source: string, flags: PlanFlags): Promise<void> {
  const { planModel } = await import('../../api/plan-model.js');
  const made = await planModel(await namedModel(source, flags.cacheDir), toModelOptions(flags));
  if (flags.json) printJson(made);
  else printLine(formatPlan(made));
}
