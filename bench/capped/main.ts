import { existsSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { openBridge } from '../../native-bridge/index.js';
import { FlashrowError } from '../../src/errors.js';
import { type Plan, plan as planFor } from '../../src/index.js';
import { runBench } from '../command.js';
import { describeMachine } from '../machine.js';
import { prepareCheckpoint, prepareStore } from '../model/prepare.js';
import type { Task } from './contender.js';
import { readingOf, runContender } from './measure.js';
import { type Cap, type CappedOptions, NODE_BYTES, PEERS, parseOptions } from './options.js';
import { printable, type Report, type Round } from './report.js';

const BOS = 1;
/** The first of the random vocabulary's words; the first 259 ids are bytes and controls. */
const FIRST_WORD = 259;
const DISTINCT_WORDS = 200;

/** What of a cap goes to the budget; see the help. Throws INSUFFICIENT_MEMORY where the cap is below what a run needs. */
function budgetFor(capBytes: number | null, checkpointBytes: number, plan: Plan): number {
  if (capBytes === null) return 2 * checkpointBytes;
  const budget = capBytes - plan.overheadBytes - NODE_BYTES;
  if (budget >= plan.minimumBytes) return Math.floor(budget);
  const smallest = plan.minimumBytes + plan.overheadBytes + NODE_BYTES;
  throw new FlashrowError(
    'INSUFFICIENT_MEMORY',
    `--cap ${Math.floor(capBytes)} is too small for this model: use at least ${smallest}`,
    { smallest },
  );
}

const capInBytes = (cap: Cap, checkpointBytes: number): number | null =>
  cap === null ? null : 'share' in cap ? Math.floor(cap.share * checkpointBytes) : cap.bytes;

function checkMachine({ cap, peer }: CappedOptions): void {
  if (cap !== null && (process.platform !== 'linux' || process.getuid!() !== 0))
    throw new FlashrowError('BAD_USAGE', '--cap makes a memory cgroup: run as root on Linux, or with --cap none');
  if (peer && !existsSync(join(PEERS, 'node_modules')))
    throw new FlashrowError('NOT_FOUND', 'llama.cpp is not installed: run npm run bench:peers, or use --peer none');
}

async function measure(options: CappedOptions, log: (line: string) => void): Promise<Report> {
  checkMachine(options);
  const gguf =
    'gguf' in options.model
      ? options.model.gguf
      : prepareCheckpoint(options.models, options.model.shape, options.model.format, log);
  const store = options.store ?? gguf.replace(/(\.gguf)?$/, '.store');
  await prepareStore(gguf, store, log);

  const checkpointBytes = statSync(gguf).size;
  const capBytes = capInBytes(options.cap, checkpointBytes);
  const shared = { contextSize: options.context, threads: options.threads, tuning: { selector: options.select } };
  const memoryBytes = budgetFor(
    capBytes,
    checkpointBytes,
    await planFor(store, { ...shared, memory: checkpointBytes }),
  );
  const plan = await planFor(store, { ...shared, memory: memoryBytes });
  const task: Omit<Task, 'model'> = {
    prompt: [
      BOS,
      ...Array.from({ length: options.promptTokens - 1 }, (_, i) => FIRST_WORD + ((7 * i) % DISTINCT_WORDS)),
    ],
    newTokens: options.newTokens,
    contextSize: options.context,
    threads: options.threads,
    memoryBytes,
    selector: options.select,
    peers: PEERS,
  };

  const bridge = openBridge({ threads: options.threads });
  const rounds: Round[] = [];
  try {
    for (let i = 0; i < options.rounds; i++) {
      log(`round ${i + 1} of ${options.rounds}: flashrow`);
      const flashrow = await runContender('flashrow', { ...task, model: store }, capBytes, [gguf]);
      const { answer } = flashrow;
      const reading = answer && (await readingOf(bridge, store, plan, answer, options.newTokens));
      if (options.peer) log(`round ${i + 1} of ${options.rounds}: llama.cpp`);
      const peer = options.peer ? await runContender('llama.cpp', { ...task, model: gguf }, capBytes, []) : null;
      rounds.push({ flashrow, peer, reading });
    }
  } finally {
    bridge.dispose();
  }
  return {
    machine: describeMachine(),
    command: `npm run bench:capped -- ${process.argv.slice(2).join(' ')}`.trim(),
    model: basename(gguf, '.gguf'),
    checkpointBytes,
    capBytes,
    budgetBytes: memoryBytes,
    plan,
    promptTokens: options.promptTokens,
    newTokens: options.newTokens,
    context: options.context,
    threads: options.threads,
    rounds,
  };
}

await runBench(async (args, log) => {
  const options = parseOptions(args);
  const report = await measure(options, log);
  const failed = report.rounds.some((round) => round.flashrow.failure !== null);
  return { text: printable(report), data: report, json: options.json, failed };
});
