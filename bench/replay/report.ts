import type { Replay } from '../../src/trace/replay.js';
import { markdownTable, type Row } from '../table.js';

/** A trace under several budgets. */
export interface ReplayedTrace {
  model: string;
  selector: string;
  budgets: ({ memoryBytes: number } & Replay)[];
}

const GB = 1e9;
const MB = 1e6;

/** Hits and bytes of every policy under every budget. */
export function printable({ model, selector, budgets }: ReplayedTrace): string {
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
