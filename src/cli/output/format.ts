import { threeDigits } from '../../disk/format-bytes.js';

export { formatBytes } from '../../disk/format-bytes.js';

/** Milliseconds as people say them: `3.1 ms`, `31 ms`, `4.20 s`, `3 min`. */
export function formatMs(ms: number): string {
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (ms < 99_500) return `${threeDigits(ms / 1000)} s`;
  return `${Math.round(ms / 60_000)} min`;
}

/** Tokens/s, or a dash where there was nothing to measure. */
export const formatSpeed = (tokensPerSecond: number | null): string =>
  tokensPerSecond === null ? '- tokens/s' : `${threeDigits(tokensPerSecond)} tokens/s`;

/** 0.423 as `42.3%`. */
export const formatShare = (share: number): string => `${(share * 100).toFixed(1)}%`;

export const formatCount = (count: number): string => count.toLocaleString('en-US');

/** `1 tensor`, `3 tensors`. */
export const plural = (count: number, noun: string): string => `${formatCount(count)} ${noun}${count === 1 ? '' : 's'}`;

/** Lines of `[label, text]` with the texts in one column. */
export function formatRows(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([label]) => label.length));
  return rows.map(([label, text]) => `${label.padEnd(width)}  ${text}`).join('\n');
}

/** Rows of equally many cells, the first row as the heading; all columns but the first align to the right. */
export function formatTable(rows: readonly (readonly string[])[]): string {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const line = (row: readonly string[]) =>
    row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column]))).join('  ');
  return rows.map(line).join('\n');
}
