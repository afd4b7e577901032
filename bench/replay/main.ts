import { Command } from 'commander';
import { type Replay, replay } from '../../src/cache/replay.js';
import { readTrace } from '../../src/cache/trace-reader.js';
import { parseBytes } from '../../src/plan/bytes.js';
import { runBench } from '../command.js';
import { markdownTable, type Row } from '../table.js';

/** A trace under several budgets. */
export interface ReplayedTrace {
  model: string;
  selector: string;
  budgets: ({ memoryBytes: number } & Replay)[];
}

const DEFAULT_MEMORY = ['1.5GB', '3GB', '5.3GB'];
const GB = 1e9;
const MB = 1e6;

function printable({ model, selector, budgets }: ReplayedTrace): string {
  const [{ tokens, activeShare, reuse, policies }] = budgets;
  const rows = policies.map(({ policy }, i) => {
    const row: Row = { policy };
    for (const { memoryBytes, policies: results } of budgets) {
      row[`hits %, ${memoryBytes / GB} GB`] = 100 * results[i].hitRate;
    }
    for (const { memoryBytes, policies: results } of budgets) {
      row[`MB per token, ${memoryBytes / GB} GB`] = results[i].bytesPerToken / MB;
    }
    return row;
  });
  const again = reuse === null ? '' : `, ${(100 * reuse).toFixed(1)}% of that again for the next`;
  const asked = `${tokens} generated tokens, ${(100 * activeShare).toFixed(1)}% asked for by each${again}`;
  return `## ${model}\n\nSelector ${selector}; ${asked}.\n\n${markdownTable(rows)}`;
}

await runBench(async (args) => {
  const command = new Command('bench:replay')
    .description('What each cache policy, and the optimum, would have read for recorded traces, under several budgets.')
    .argument('<TRACE...>', 'files that run --trace recorded, or CSVs of expert routes')
    .option('--memory <BYTES...>', 'memory of the cache alone', DEFAULT_MEMORY)
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
