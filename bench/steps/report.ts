import type { Run } from '../capped/measure.js';
import type { Measured } from '../capped/session.js';
import { type Machine, machineLine } from '../machine.js';
import { median } from '../statistics.js';
import { markdownTable, type Row } from '../table.js';

export interface MeasuredStep {
  name: string;
  what: string;
  budgetBytes: number;
  rounds: Measured[];
}

export interface StepsReport {
  machine: Machine;
  /** The command line. */
  command: string;
  model: string;
  checkpointBytes: number;
  capBytes: number | null;
  activeShare: number;
  promptTokens: number;
  newTokens: number;
  threads: number;
  steps: MeasuredStep[];
  peer: Run[];
}

const MB = 1e6;

/** A row for each step; medians over the rounds. */
export function printable(report: StepsReport): string {
  const { machine, model, capBytes, checkpointBytes, activeShare } = report;
  const cap = capBytes === null ? 'no cap' : `cap ${Math.round((100 * capBytes) / checkpointBytes)}%`;
  return [
    machineLine(machine),
    '',
    `${model}, ${(checkpointBytes / 1e9).toFixed(2)} GB; ${cap}; ${(100 * activeShare).toFixed(1)}% of the neurons active for a token; prompt of ` +
      `${report.promptTokens} tokens, ${report.newTokens} timed, ${report.threads} threads, rounds: ${report.steps[0].rounds.length}`,
    '',
    markdownTable(table(report)),
    '',
    ...report.steps.map(({ name, what }) => `- ${name}: ${what}`),
  ].join('\n');
}

/** Tokens/s; null where no round finished. */
export const stepSpeed = ({ rounds }: MeasuredStep) => speedOf(rounds.map(({ run }) => run));

export const speedOf = (runs: readonly Run[]): number | null =>
  medianOf(runs.map((run) => run.answer?.tokensPerSecond));

function table({ steps, peer }: StepsReport): Row[] {
  const naive = stepSpeed(steps[0]);
  const peerSpeed = speedOf(peer);
  const rows = steps.map((step, i): Row => {
    const speed = stepSpeed(step);
    const previous = i === 0 ? null : stepSpeed(steps[i - 1]);
    const reading = (of: (reading: NonNullable<Measured['reading']>) => number) =>
      medianOf(step.rounds.map((round) => round.reading && of(round.reading)));
    const bytes = reading(({ deviceBytes }) => deviceBytes);
    return {
      step: speed === null ? `${step.name} (${step.rounds[0].run.failure})` : step.name,
      'tokens/s': speed,
      'device MB per token': bytes === null ? null : bytes / MB,
      'records per token': reading(({ records }) => records),
      'ms waiting for reads per token': medianOf(step.rounds.map(({ run }) => readMs(run))),
      'neurons found in memory, %': medianOf(step.rounds.map(({ run }) => hitPercent(run))),
      'x previous': ratio(speed, previous),
      'x naive': ratio(speed, naive),
      'x llama.cpp': ratio(speed, peerSpeed),
    };
  });
  if (peer.length === 0) return rows;
  const disk = medianOf(peer.map((run) => run.answer?.diskBytesPerToken));
  return [
    ...rows,
    {
      step: 'llama.cpp, mapped',
      'tokens/s': peerSpeed,
      'device MB per token': disk === null ? null : disk / MB,
      'x naive': ratio(peerSpeed, naive),
      'x llama.cpp': ratio(peerSpeed, peerSpeed),
    },
  ];
}

/** Ms that the mean token waits for reads. The share of waiting is that over prompt and tokens. */
function readMs({ answer }: Run): number | null {
  if (!answer?.receipt) return null;
  const { readWaitMs, ffnMs, denseMs, otherMs } = answer.receipt;
  return ((readWaitMs / (readWaitMs + ffnMs + denseMs + otherMs)) * 1e3) / answer.tokensPerSecond;
}

function hitPercent({ answer }: Run): number | null {
  if (!answer?.receipt) return null;
  const { bundlesHit, bundlesMissed } = answer.receipt;
  return (100 * bundlesHit) / (bundlesHit + bundlesMissed);
}

const ratio = (a: number | null, b: number | null) => (a === null || b === null ? null : a / b);

function medianOf(values: readonly (number | null | undefined)[]): number | null {
  const known = values.filter((value) => value !== null && value !== undefined);
  return known.length === 0 ? null : median(known);
}
