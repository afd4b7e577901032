import { Command } from 'commander';
import type { PullPlan } from '../../runtime/pull.js';
import { formatBytes, formatRows, plural } from '../format.js';
import { interruptSignal } from '../interrupt.js';
import { addModelOptions, type ModelFlags, toModelOptions } from '../model-options.js';
import { decimal } from '../option-values.js';
import { notice, printJson, printLine } from '../output.js';
import { formatPlan } from '../plan-table.js';
import { progressBar } from '../progress.js';

interface PullFlags extends ModelFlags {
  revision: string;
  token?: string;
  endpoint?: string;
  stallTimeout: number;
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
      decimal('--stall-timeout', 'a number above 0', (seconds) => seconds > 0),
      30,
    )
    .option('--dry-run', 'say what it would take and need, and fetch nothing else');
  return addModelOptions(command).action(run);
}

async function run(model: string, flags: PullFlags): Promise<void> {
  const { planPull, pull } = await import('../../runtime/pull.js');
  const hub = {
    endpoint: (flags.endpoint ?? (process.env.HF_ENDPOINT || 'https://huggingface.co')).replace(/\/+$/, ''),
    token: flags.token ?? (process.env.HF_TOKEN || null),
    revision: flags.revision,
    stallMs: flags.stallTimeout * 1000,
  };
  const signal = interruptSignal();
  const planned = await planPull(model, toModelOptions(flags), hub, signal);
  notice(describe(planned));
  const { files, bytes, bytesAtHand, plan } = planned;
  if (flags.dryRun) {
    if (flags.json) printJson({ files: files.map(({ path, bytes }) => ({ path, bytes })), bytes, bytesAtHand, plan });
    return;
  }
  const bar = progressBar('bytes');
  const onProgress = (done: number, total: number) => bar.update('fetching', done, total);
  const result = await pull(planned, flags.cacheDir, hub, { signal, onProgress }).finally(() => bar.stop());
  if (flags.json) printJson({ ...result, plan });
  else printLine(`${result.path}\nflashrow run ${result.name} --prompt ... runs it`);
}

function describe({ files, bytes, bytesAtHand, plan }: PullPlan): string {
  const left = bytesAtHand === 0 ? '' : `, ${formatBytes(bytes - bytesAtHand)} of them still to fetch`;
  return [
    formatRows(files.map(({ path, bytes }) => [path, formatBytes(bytes)] as const)),
    `${plural(files.length, 'file')}, ${formatBytes(bytes)}${left}`,
    formatPlan(plan),
  ].join('\n');
}
