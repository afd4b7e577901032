import { Command } from 'commander';
import type { PlannedPull, PulledModel } from '../../contract/pulled-model.js';
import { interruptSignal } from '../input/interrupt.js';
import { addExamples } from '../options/help.js';
import { addModelOptions, type ModelFlags, toModelOptions } from '../options/model-options.js';
import { type HubFlags, parseStallTimeout, toHubOptions } from '../options/pull-options.js';
import { planInCommandWords, tellFailure } from '../output/command-words.js';
import { formatBytes, formatMs, formatRows, plural } from '../output/format.js';
import { notice, printJson, printLine } from '../output/output.js';
import { formatPlan } from '../output/plan-table.js';
import { progressBar } from '../output/progress.js';
import { LABELS } from '../output/task-progress.js';

interface PullFlags extends ModelFlags, HubFlags {
  dryRun?: boolean;
  json?: boolean;
}

export function pullCommand(): Command {
  const command = new Command('pull')
    .description(
      'fetch a model from the Hugging Face hub into the cache folder, after saying what it would take and need',
    )
    .argument('<model>', 'organization/repository, or organization/repository:Q4_K_M where it holds several GGUF files')
    .option('--revision <name>', 'branch, tag or commit', 'main')
    .option('--token <token>', 'of a user, for models that are not open to all (default: HF_TOKEN)')
    .option('--endpoint <url>', 'another hub (default: HF_ENDPOINT, else https://huggingface.co)')
    .option(
      '--stall-timeout <seconds>',
      'without a byte, after which a connection is tried anew',
      parseStallTimeout,
      30,
    )
    .option('--dry-run', 'say what it would take and need, and fetch nothing else');
  addExamples(
    command,
    ['flashrow pull Qwen/Qwen3-0.6B-GGUF:Q8_0', 'fetch a file of a repository'],
    ['flashrow pull Qwen/Qwen3-0.6B --dry-run --memory 2GB', 'only say what it would take'],
  );
  return addModelOptions(command).action(run);
}

async function run(model: string, flags: PullFlags): Promise<void> {
  const { pullModel } = await import('../../api/pull-model.js');
  const bar = progressBar();
  const result = await pullModel(model, {
    ...toModelOptions(flags),
    ...toHubOptions(flags),
    dryRun: flags.dryRun ?? false,
    signal: interruptSignal(),
    onProgress: ({ stage, done, total, unit }) =>
      bar.update(stage, done, total, unit === 'layers' ? 'share' : unit, LABELS[stage]),
    onPlan: (planned) => {
      bar.stop();
      tellPlan(planned);
    },
    onRetry: (failure, ms) => {
      bar.stop();
      notice(`${tellFailure(failure).message}; trying again in ${formatMs(ms)}`);
    },
  }).finally(() => bar.stop());
  const { files, bytes, bytesAtHand, plan } = result;
  if (!flags.dryRun) {
    if (flags.json) printJson({ ...result, plan: planInCommandWords(plan) });
    else printLine(`${result.path}\n${howToRun(result)}`);
  } else if (flags.json) printJson({ files, bytes, bytesAtHand, plan: planInCommandWords(plan) });
}

function tellPlan(planned: PlannedPull): void {
  notice(describe(planned));
  const { plan } = planned;
  if (!plan.fits)
    notice(
      `warning: this model will not run in ${formatBytes(plan.budgetBytes)}; --memory ${plan.minimumBytes} is the smallest budget that works`,
    );
}

function describe({ files, bytes, bytesAtHand, plan }: PlannedPull): string {
  const left = bytesAtHand === 0 ? '' : `, ${formatBytes(bytes - bytesAtHand)} of them still to fetch`;
  return [
    formatRows(files.map(({ path, bytes }) => [path, formatBytes(bytes)] as const)),
    `${plural(files.length, 'file')}, ${formatBytes(bytes)}${left}`,
    formatPlan(plan),
  ].join('\n');
}

const howToRun = ({ name, plan }: PulledModel): string =>
  plan.fits
    ? `flashrow run ${name} --prompt ... runs it`
    : `flashrow run ${name} needs --memory ${plan.minimumBytes} (${formatBytes(plan.minimumBytes)}) or more`;
