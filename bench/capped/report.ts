import type { Plan, Receipt } from '../../src/index.js';
import { type Machine, machineLine } from '../machine.js';
import { median } from '../statistics.js';
import { markdownTable, type Row } from '../table.js';
import type { Answer } from './contender.js';
import type { Reading, Run } from './measure.js';

export interface Round {
  flashrow: Run;
  /** Null where nobody was to be compared with. */
  peer: Run | null;
  /** Null where flashrow did not come to an end. */
  reading: Reading | null;
}

export interface Report {
  machine: Machine;
  /** The command's own words. */
  command: string;
  model: string;
  checkpointBytes: number;
  capBytes: number | null;
  budgetBytes: number;
  plan: Plan;
  promptTokens: number;
  newTokens: number;
  context: number;
  threads: number;
  rounds: Round[];
}

const MB = 1e6;
const GB = 1e9;

/** The comparison, then where flashrow's time and bytes went; medians over the rounds. */
export function printable(report: Report): string {
  const { checkpointBytes, capBytes, budgetBytes, machine } = report;
  const cap =
    capBytes === null ? 'no cap' : `cap ${size(capBytes)} (${Math.round((100 * capBytes) / checkpointBytes)}%)`;
  return [
    machineLine(machine),
    '',
    `${report.model}, ${size(checkpointBytes)}; ${cap}; budget ${size(budgetBytes)}; prompt of ${report.promptTokens} tokens, ` +
      `${report.newTokens} timed, context ${report.context}, ${report.threads} threads, rounds: ${report.rounds.length}`,
    '',
    markdownTable(comparison(report)),
    '',
    markdownTable(account(report)),
  ].join('\n');
}

function comparison({ rounds }: Report): Row[] {
  const ours = rounds.map((round) => round.flashrow);
  const theirs = rounds.flatMap((round) => round.peer ?? []);
  const row = (what: string, of: (answer: Answer) => number | null, moreIsBetter: boolean): Row => {
    const [mine, peers] = [ours, theirs].map((runs) => medianOf(runs.map((run) => run.answer && of(run.answer))));
    const ratio = mine === null || peers === null ? null : moreIsBetter ? mine / peers : peers / mine;
    return {
      'median of rounds': what,
      flashrow: mine ?? failure(ours),
      'llama.cpp': peers ?? failure(theirs),
      'times better': ratio,
    };
  };
  const plain = (what: string, of: (runs: Run[]) => number): Row => ({
    'median of rounds': what,
    flashrow: of(ours),
    'llama.cpp': theirs.length > 0 ? of(theirs) : '',
    'times better': null,
  });
  return [
    row('tokens/s', (answer) => answer.tokensPerSecond, true),
    row('prompt tokens/s', (answer) => answer.promptTokensPerSecond, true),
    row('first token of a cold model, s', (answer) => answer.coldTokenSeconds, false),
    row('token ms, p50', (answer) => answer.tokenMs.p50, false),
    row('token ms, p95', (answer) => answer.tokenMs.p95, false),
    row('token ms, p99', (answer) => answer.tokenMs.p99, false),
    row(
      'MB from disk per token, by the kernel',
      (answer) => answer.diskBytesPerToken && answer.diskBytesPerToken / MB,
      false,
    ),
    plain('anonymous + shared memory, MB, at most', (runs) => Math.max(...runs.map((run) => run.anonymousBytes)) / MB),
    plain('killed for want of memory (oom_kill)', (runs) => runs.reduce((sum, run) => sum + run.killed, 0)),
  ];
}

/** What the rounds took, on average: where bytes came from, how near the roofline is, where the time went. */
function account({ rounds, newTokens, plan }: Report): Row[] {
  const readings = rounds.flatMap((round) => round.reading ?? []);
  const receipts = rounds.flatMap((round) => round.flashrow.answer ?? []).map((answer) => answer.receipt!);
  if (readings.length === 0) return [];
  return [
    row('FFN bytes in memory, %', 100 * plan.cachedShare),
    ...readingRows(readings),
    ...receiptRows(receipts),
    row('timed tokens in all', newTokens * receipts.length),
  ];
}

const row = (what: string, value: number | string | null): Row => ({ flashrow: what, value });

function readingRows(readings: readonly Reading[]): Row[] {
  const per = (scale: number, value: number | null) => (value === null ? null : value / scale);
  const rows: [string, (reading: Reading) => number | null][] = [
    ['payload MB per token', (r) => r.payloadBytes / MB],
    ['device MB per token', (r) => r.deviceBytes / MB],
    ['records per token', (r) => r.records],
    ['KiB per record', (r) => per(1024, r.recordBytes)],
    ['read GB/s', (r) => per(GB, r.readSpeed)],
    ['raw read GB/s of such records', (r) => per(GB, r.rawReadSpeed)],
    ['memory GB/s', (r) => r.memorySpeed / GB],
    ['roofline ms per token: disk', (r) => r.roofline.diskMs],
    ['roofline ms per token: FFN from memory', (r) => r.roofline.touchMs],
    ['roofline ms per token: resident half', (r) => r.roofline.denseMs],
    ['roofline ms per token', (r) => r.roofline.tokenMs],
    ['share of the roofline reached, %', (r) => 100 * r.rooflineShare],
  ];
  return rows.map(([what, of]) => row(what, medianOf(readings.map(of))));
}

function receiptRows(receipts: readonly Receipt[]): Row[] {
  const share = (ms: (receipt: Receipt) => number) => (r: Receipt) =>
    (100 * ms(r)) / (r.readWaitMs + r.ffnMs + r.denseMs + r.otherMs);
  const rows: [string, (receipt: Receipt) => number][] = [
    ['time waiting for reads, %', share((r) => r.readWaitMs)],
    ['time in the FFN, %', share((r) => r.ffnMs)],
    ['time in the resident half, %', share((r) => r.denseMs)],
    ['time elsewhere, %', share((r) => r.otherMs)],
    ['growth of anonymous + shared memory, MB', (r) => r.rssGrowthBytes / MB],
    ['budget + overhead, MB', (r) => (r.budgetBytes + r.overheadBytes) / MB],
  ];
  return rows.map(([what, of]) => row(what, medianOf(receipts.map(of))));
}

const size = (bytes: number) => (bytes < GB ? `${(bytes / MB).toFixed(1)} MB` : `${(bytes / GB).toFixed(2)} GB`);

const failure = (runs: readonly Run[]) => runs.find((run) => run.failure)?.failure ?? '';

function medianOf(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : median(known);
}
