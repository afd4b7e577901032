import { Command } from 'commander';
import { parseBytes } from '../../src/plan/bytes.js';
import { replay } from '../../src/trace/replay.js';
import { readTrace } from '../../src/trace/trace-reader.js';
import { runBench } from '../command.js';
import { printable, type ReplayedTrace } from './report.js';

const DEFAULT_MEMORY = ['1.5GB', '3GB', '5.3GB'];

await runBench(async (args) => {
  const command = new Command('bench:replay')
    .description(
      'Says what each cache policy, and the optimum, would have read for recorded traces, under several budgets.',
    )
    .argument('<TRACE...>', 'files that run --trace recorded, or CSVs of expert routes')
    .option('--memory <BYTES...>', 'memory of the cache', DEFAULT_MEMORY)
    .option('--json <FILE>', 'also write everything as JSON; - is stdout, the tables then go to stderr')
    .exitOverride()
    .parse([...args], { from: 'user' });
  const { memory, json = null } = command.opts<{ memory: string[]; json?: string }>();
  const data = command.args.map((path): ReplayedTrace => {
    const trace = readTrace(path);
    const budgets = memory.map(parseBytes).map((memoryBytes) => ({ memoryBytes, ...replay(trace, { memoryBytes }) }));
    return { model: trace.model, selector: trace.selector, budgets };
  });
  return { text: data.map(printable).join('\n\n'), data: { traces: data }, json, failed: false };
});
