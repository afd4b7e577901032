export type Cell = string | number | boolean | null | undefined;
/** The values by column heading; the heading names the unit. */
export type Row = Record<string, Cell>;

/**
 * A Markdown table, padded so that it reads well as plain text, too. The first row gives the columns. Numbers keep
 * three digits.
 */
export function markdownTable(rows: readonly Row[]): string {
  if (rows.length === 0) return '';
  const columns = Object.keys(rows[0]);
  const lines = [columns, ...rows.map((row) => columns.map((column) => cellText(row[column])))];
  const widths = columns.map((_, i) => Math.max(3, ...lines.map((line) => line[i].length)));
  const isNumber = columns.map((column) => rows.every((row) => typeof row[column] !== 'string'));
  const print = (cells: string[]) =>
    `| ${cells.map((cell, i) => (isNumber[i] ? cell.padStart(widths[i]) : cell.padEnd(widths[i]))).join(' | ')} |`;
  const rule = `|${widths.map((width, i) => (isNumber[i] ? `${'-'.repeat(width + 1)}:` : '-'.repeat(width + 2))).join('|')}|`;
  return [print(lines[0]), rule, ...lines.slice(1).map(print)].join('\n');
}

function cellText(cell: Cell): string {
  if (cell === null || cell === undefined) return '';
  return typeof cell === 'number' ? threeDigits(cell) : String(cell);
}

export function threeDigits(value: number): string {
  if (!Number.isFinite(value)) return '';
  return Math.abs(value) >= 100 ? Math.round(value).toString() : Number(value.toPrecision(3)).toString();
}
