import { markdownTable, type Row } from '../../dist/bench/table.js';

/** After each token [id, ln p] of some that may follow. */
export type Predictions = [id: number, lnp: number][][];

/** |d ln p| after each token, of those that `expected` names. */
export const differences = (found: Predictions, expected: Predictions): number[][] =>
  expected.map((row, i) => {
    const ours = new Map(found[i]);
    return row.map(([id, lnp]) => Math.abs(ours.get(id)! - lnp));
  });

export const average = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

/** For bench/results/oracle.md. */
export function printTable(rows: readonly Row[]): void {
  console.log(`\n${markdownTable(rows)}\n`);
}
