import type { Usage } from '../../contract/generation.js';
import type { Receipt } from '../../contract/receipt.js';
import type { Examination } from '../../plan/examination.js';
import { formatBytes, formatRows, formatShare } from './format.js';

/** A short generation, right after the load. */
export interface MeasuredGeneration {
  model: string;
  architecture: string;
  parameters: number;
  /** The feed-forward networks, bytes, and the share of them that the cache holds, 0 to 1. */
  ffnBytes: number;
  cachedShare: number;
  /** Bytes that the plan expects to read for a token. */
  bytesPerToken: number;
  usage: Usage;
  receipt: Receipt;
}

/** What a machine does, to be told to others. It has no path and no name of a person or a machine. */
export interface Measurement {
  /** The version of flashrow. */
  flashrow: string;
  machine: { cpu: string; cores: number; threads: number; system: string; runtime: string } & Examination['memory'];
  /** `bytesPerSecond`: the best point of the curve. */
  disk: { bytesPerSecond: number } & Pick<Examination['disk'], 'direct' | 'inMemory' | 'curve'>;
  kernels: {
    isa: string;
    available: string[];
    compiled: boolean;
    /** Bytes of q8_0 weights per second, one token at a time. */
    weightBytesPerSecond: number;
    /** The share of its cores' time that this process had meanwhile, 0 to 1. */
    coreShare: number;
  };
  generation: MeasuredGeneration;
}

/** The columns of the table of results in docs/devices.md. */
const COLUMNS: Readonly<Record<string, (measurement: Measurement) => string>> = {
  machine: ({ machine }) => `${machine.cpu}, ${machine.cores} cores`,
  memory: ({ machine }) => formatBytes(machine.limitBytes ?? machine.totalBytes),
  system: ({ machine }) => `${machine.system}, ${machine.runtime}`,
  disk: ({ disk }) =>
    `${formatBytes(disk.bytesPerSecond)}/s${disk.inMemory ? ' (memory)' : disk.direct ? '' : ' (cached)'}`,
  'q8_0 weights': ({ kernels }) => `${formatBytes(kernels.weightBytesPerSecond)}/s, ${kernels.isa}`,
  model: ({ generation }) => generation.model,
  budget: ({ generation: { receipt, cachedShare } }) =>
    `${formatBytes(receipt.budgetBytes)}, ${formatShare(cachedShare)} of the FFN`,
  'prompt, tokens/s': ({ generation }) => speed(generation.receipt.prefillTokensPerSecond),
  'generation, tokens/s': ({ generation }) => speed(generation.receipt.decodeTokensPerSecond),
  flashrow: ({ flashrow }) => flashrow,
};

/** A measurement for people, and as a row of a table in Markdown. */
export function formatMeasurement(measurement: Measurement): string {
  const rows = Object.entries(COLUMNS).map(([name, cell]): [string, string] => [name, cell(measurement)]);
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  const table = [rows.map(([name]) => name), rows.map(() => '---'), rows.map(([, cell]) => cell)].map(line);
  return [formatRows(rows), '', 'The same as a row for the table in docs/devices.md:', '', ...table].join('\n');
}

const speed = (tokensPerSecond: number | null): string => tokensPerSecond?.toPrecision(3) ?? '-';
