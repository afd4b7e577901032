import { Command } from 'commander';
import type { Replay } from '../../trace/replay.js';
import { addExamples } from '../options/help.js';
import { parseSize } from '../options/model-options.js';
import { formatBytes, formatShare, formatTable, plural } from '../output/format.js';
import { notice, printJson, printLine } from '../output/output.js';

interface ReplayFlags {
  memory: number;
  cold?: boolean;
  oneByOne?: boolean;
  json?: boolean;
}

export function replayCommand(): Command {
  const command = new Command('replay')
    .description('what each cache policy would have read for the generated tokens of a trace')
    .argument('<trace>', 'a file that run --trace recorded, or a CSV of expert routes')
    .requiredOption(
      '--memory <bytes>',
      'memory of the cache alone, like 500000000, 2GB, 1.5GiB or 6G',
      parseSize('--memory'),
    )
    .option('--cold', 'begin with empty caches at the first generated token; else the prompt fills them, uncounted')
    .option('--one-by-one', 'ask for bundles singly, in the recorded order, not for those of a layer together')
    .action(replayTrace);
  return addExamples(command, ['flashrow replay story.trace --memory 1GB', 'what a cache of 1 GB would have read']);
}

async function replayTrace(path: string, flags: ReplayFlags): Promise<void> {
  const [{ readTrace }, { replay }] = await Promise.all([
    import('../../trace/trace-reader.js'),
    import('../../trace/replay.js'),
  ]);
  const trace = readTrace(path);
  if (trace.tornBytes > 0) notice(`note: ${path} was cut off; its last ${trace.tornBytes} bytes are no whole token`);
  const result = replay(trace, { memoryBytes: flags.memory, cold: flags.cold, oneByOne: flags.oneByOne });
  if (result.independent) notice(INDEPENDENT);
  const { model, selector, layers } = trace;
  if (flags.json) printJson({ model, selector, layers: layers.length, memoryBytes: flags.memory, ...result });
  else printLine(`${model}, selector ${selector}: ${summary(result)}\n\n${table(result)}`);
}

const INDEPENDENT =
  'note: these tokens draw independently of each other, so every cache hits with its share of the whole; judge no policy by them';

function summary({ tokens, activeShare, reuse, slots, slotsPerLayer, slotBytes }: Replay): string {
  const again = reuse === null ? '' : `, ${formatShare(reuse)} of that again for the next`;
  const slotsBought = `${plural(slots, 'slot')} of ${formatBytes(slotBytes)} (${slotsPerLayer} a layer)`;
  return `${plural(tokens, 'generated token')}, ${formatShare(activeShare)} asked for by each${again}; ${slotsBought}`;
}

const table = ({ policies }: Replay): string =>
  formatTable([
    ['policy', 'as --cache', 'hits', 'read per token', 'reads per token'],
    ...policies.map(({ policy, cache, hitRate, bytesPerToken, recordsPerToken }) => [
      policy,
      cache ?? '',
      formatShare(hitRate),
      formatBytes(Math.round(bytesPerToken)),
      recordsPerToken.toFixed(1),
    ]),
  ]);
