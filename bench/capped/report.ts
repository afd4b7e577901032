import type { Plan } from '../../src/index.js';
import { type Machine, machineLine } from '../machine.js';
import { median } from '../statistics.js';
import { markdownTable, type Row } from '../table.js';
import type { Answer } from './contender.js';
import type { Reading, Run } from './measure.js';

export interface Round {
  flashrow: Run;
  /** Null where there is no peer. */
  peer: Run | null;
  /** Null where flashrow did not finish. */
  reading: Reading | null;
}

export interface Report {
  machine: Machine;
  /** The command line. */
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

/** The comparison, then flashrow's time and bytes; medians over the rounds. */
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
  const row = (what: string, figure: (answer: Answer) => number | null, moreIsBetter: boolean): Row => {
    const [mine, peers] = [ours, theirs].map((runs) => medianOf(runs.map((run) => run.answer && figure(run.answer))));
    const ratio = mine === null || peers === null ? null : moreIsBetter ? mine / peers : peers / mine;
    return {
      'median of rounds': what,
      flashrow: mine ?? failure(ours),
      'llama.cpp': peers ?? failure(theirs),
      'times better': ratio,
    };
  };
  const overRuns = (what: string, figure: (runs: Run[]) => number): Row => ({
    'median of rounds': what,
    flashrow: figure(ours),
    'llama.cpp': theirs.length > 0 ? figure(theirs) : '',
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
    overRuns(
      'anonymous + shared memory, MB, at most',
      (runs) => Math.max(...runs.map((run) => run.anonymousBytes)) / MB,
    ),
    overRuns('killed for want of memory (oom_kill)', (runs) => runs.reduce((sum, run) => sum + run.killed, 0)),
  ];
}

type Receipt = NonNullable<Answer['receipt']>;

function account({ rounds, newTokens, plan }: Report): Row[] {
  const readings = rounds.flatMap((round) => round.reading ?? []);
  const receipts = rounds.flatMap((round) => round.flashrow.answer?.receipt ?? []);
  if (readings.length === 0) return [];
  const row = (what: string, value: number | null): Row => ({ flashrow: what, value });
  const read = ([what, figure]: Figure<Reading>) => row(what, medianOf(readings.map(figure)));
  const received = ([what, figure]: Figure<Receipt>) => row(what, medianOf(receipts.map(figure)));
  return [
    row('FFN bytes in memory, %', 100 * plan.cachedShare),
    ...READINGS.map(read),
    ...TIMES.map(received),
    ...MEMORY.map(received),
    row('timed tokens in all', newTokens * receipts.length),
  ];
}

/** A row's name and its figure. */
type Figure<T> = readonly [string, (of: T) => number | null];

const scaled = (value: number | null, unit: number) => (value === null ? null : value / unit);

const READINGS: readonly Figure<Reading>[] = [
  ['payload MB per token', (reading) => reading.payloadBytes / MB],
  ['device MB per token', (reading) => reading.deviceBytes / MB],
  ['records per token', (reading) => reading.records],
  ['KiB per record', (reading) => scaled(reading.recordBytes, 1024)],
  ['read GB/s', (reading) => scaled(reading.readSpeed, GB)],
  ['raw read GB/s of such records', (reading) => scaled(reading.rawReadSpeed, GB)],
  ['memory GB/s', (reading) => reading.memorySpeed / GB],
  ['roofline ms per token: disk', (reading) => reading.roofline.diskMs],
  ['roofline ms per token: FFN from memory', (reading) => reading.roofline.touchMs],
  ['roofline ms per token: resident half', (reading) => reading.roofline.denseMs],
  ['roofline ms per token', (reading) => reading.roofline.tokenMs],
  ['share of the roofline reached, %', (reading) => 100 * reading.rooflineShare],
];

const shareOf = (ms: (receipt: Receipt) => number) => (receipt: Receipt) =>
  (100 * ms(receipt)) / (receipt.readWaitMs + receipt.ffnMs + receipt.denseMs + receipt.otherMs);

const TIMES: readonly Figure<Receipt>[] = [
  ['time waiting for reads, %', shareOf((receipt) => receipt.readWaitMs)],
  ['time in the FFN, %', shareOf((receipt) => receipt.ffnMs)],
  ['time in the resident half, %', shareOf((receipt) => receipt.denseMs)],
  ['time elsewhere, %', shareOf((receipt) => receipt.otherMs)],
];

const MEMORY: readonly Figure<Receipt>[] = [
  ['growth of anonymous + shared memory, MB', (receipt) => receipt.rssGrowthBytes / MB],
  ['budget + overhead, MB', (receipt) => (receipt.budgetBytes + receipt.overheadBytes) / MB],
];

const size = (bytes: number) => (bytes < GB ? `${(bytes / MB).toFixed(1)} MB` : `${(bytes / GB).toFixed(2)} GB`);

const failure = (runs: readonly Run[]) => runs.find((run) => run.failure)?.failure ?? '';

function medianOf(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : median(known);
}
