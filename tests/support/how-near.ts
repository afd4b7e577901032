type Row = readonly (readonly [id: number, lnp: number])[];

/** How far predictions are from a reference: of the five likeliest tokens the mean and the worst |d ln p|. */
export interface Nearness {
  mean: number;
  worst: number;
  /** Positions at which the likeliest token is the same, of all. */
  sameBest: number;
  positions: number;
}

/** `pairs`: our own row of a position, with all tokens, and the reference's, the likeliest first. */
export function nearness(pairs: Iterable<[ours: Row, reference: Row]>): Nearness {
  const differences: number[] = [];
  let [sameBest, positions] = [0, 0];
  for (const [row, reference] of pairs) {
    const ours = new Map(row);
    for (const [id, lnp] of reference.slice(0, 5)) differences.push(Math.abs((ours.get(id) ?? Number.NaN) - lnp));
    sameBest += row[0][0] === reference[0][0] ? 1 : 0;
    positions++;
  }
  const mean = differences.reduce((sum, one) => sum + one, 0) / differences.length;
  return { mean, worst: Math.max(...differences), sameBest, positions };
}

/** Prints the rows of a table in docs/models.md, where FLASHROW_TABLE is set. */
export function printTable(rows: ReadonlyMap<string, readonly (Nearness | null)[]>): void {
  if (!process.env.FLASHROW_TABLE) return;
  const cell = (near: Nearness | null) =>
    near ? `${near.mean.toFixed(4)}, ${near.worst.toFixed(4)}, ${near.sameBest}/${near.positions}` : '';
  for (const [name, cells] of rows) console.log(`| ${name} | ${cells.map(cell).join(' | ')} |`);
}
