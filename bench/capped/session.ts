import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type Bridge, openBridge } from '../../native-bridge/index.js';
import { FlashrowError } from '../../src/errors.js';
import { type Plan, planModel, type Tuning } from '../../src/index.js';
import type { ReplayTuning } from '../../src/plan/model-options.js';
import { openStore } from '../../src/store/reader.js';
import { prepareCheckpoint, prepareStore } from '../model/prepare.js';
import { filesOf } from '../page-cache.js';
import { type Reading, type Run, readingOf, runContender } from './measure.js';
import { type Cap, type CappedOptions, NODE_BYTES, PEERS } from './options.js';
import { type ReplayedUnits, recordedUnits, writeActivity } from './trace.js';

const BOS = 1;
/** The first word of the random vocabulary, after 259 bytes and controls. */
const FIRST_WORD = 259;
const DISTINCT_WORDS = 200;
/** Tokens of the cold start, and of the chunk that follows. */
const COLD_TOKENS = 4;

/** What a caller of flashrow would give it. */
export interface Setup {
  store: string;
  tuning: ReplayTuning;
  memoryBytes: number;
  plan: Plan;
}

export interface Measured {
  run: Run;
  /** Null where the run did not finish. */
  reading: Reading | null;
}

/** One model under one cap, ready to run. */
export interface Session {
  /** A GGUF file, or a Hugging Face folder. */
  checkpoint: string;
  store: string;
  checkpointBytes: number;
  capBytes: number | null;
  /** The units that the selector `trace` replays; made when first asked for. */
  replayed(): ReplayedUnits;
  /**
   * With `smallest` the budget is the smallest that such tuning can run with; else it is what the cap leaves. `store`
   * may be another store of the same model. Throws INSUFFICIENT_MEMORY.
   */
  setup(tuning: Setup['tuning'], smallest: boolean, store?: string): Promise<Setup>;
  flashrow(setup: Setup): Promise<Measured>;
  llamaCpp(): Promise<Run>;
}

/** Makes the model and its store where they do not exist yet, and lends them to `work`. */
export async function withSession<T>(
  options: CappedOptions,
  log: (line: string) => void,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  checkMachine(options);
  const checkpoint =
    'gguf' in options.model
      ? options.model.gguf
      : prepareCheckpoint(options.models, options.model.shape, options.model.format, log);
  const store = options.store ?? checkpoint.replace(/(\.gguf)?$/, '.store');
  await prepareStore(checkpoint, store, log);
  const bridge = openBridge({ threads: options.threads });
  try {
    return await work(createSession(options, bridge, checkpoint, store));
  } finally {
    bridge.dispose();
  }
}

function createSession(options: CappedOptions, bridge: Bridge, checkpoint: string, store: string): Session {
  const { threads, context: contextSize, newTokens, promptTokens } = options;
  const checkpointBytes = filesOf(checkpoint).reduce((sum, path) => sum + statSync(path).size, 0);
  const capBytes = capInBytes(options.cap, checkpointBytes);
  const { experts } = openStore(store).spec;
  const task = taskOf(options);
  let made: ReplayedUnits | null = null;
  const replayed = () => {
    if (options.trace !== null) made ??= recordedUnits(options.trace);
    else made ??= writeActivity(store, options.models, options.activity, COLD_TOKENS + promptTokens + newTokens);
    return made;
  };
  const touchedShare = ({ selector }: Setup['tuning']): number => {
    if (selector === 'trace') return replayed().activeShare;
    return experts ? experts.numExpertsPerToken / experts.numExperts : 1;
  };
  return {
    checkpoint,
    store,
    checkpointBytes,
    capBytes,
    replayed,
    async setup(tuning, smallest, of = store) {
      // The public type does not know the selector `trace`, which means nothing to an app.
      const shared = { contextSize, threads, tuning: tuning as Tuning, exact: tuning.selector !== 'trace' };
      const first = await planModel(of, { ...shared, memory: checkpointBytes });
      const memoryBytes = smallest ? first.minimumBytes : budgetFor(capBytes, checkpointBytes, first);
      return { store: of, tuning, memoryBytes, plan: await planModel(of, { ...shared, memory: memoryBytes }) };
    },
    async flashrow({ store: of, tuning, memoryBytes, plan }) {
      const flashrowTask = { ...task, model: of, memoryBytes, tuning };
      const run = await runContender('flashrow', flashrowTask, capBytes, filesOf(checkpoint));
      const { answer } = run;
      const reading = answer && (await readingOf(bridge, of, plan, answer, newTokens, touchedShare(tuning)));
      return { run, reading };
    },
    llamaCpp: () => runContender('llama.cpp', { ...task, model: checkpoint, memoryBytes: 0, tuning: {} }, capBytes, []),
  };
}

const taskOf = ({ promptTokens, newTokens, context, threads }: CappedOptions) => ({
  prompt: [BOS, ...Array.from({ length: promptTokens - 1 }, (_, i) => FIRST_WORD + ((7 * i) % DISTINCT_WORDS))],
  newTokens,
  contextSize: context,
  threads,
  peers: PEERS,
});

/** The budget under a cap; the help explains it. Throws INSUFFICIENT_MEMORY where the cap is below what a run needs. */
function budgetFor(capBytes: number | null, checkpointBytes: number, plan: Plan): number {
  if (capBytes === null) return Math.max(2 * checkpointBytes, plan.minimumBytes + 2 * plan.ffnBytes);
  const budget = capBytes - plan.overheadBytes - NODE_BYTES;
  if (budget >= plan.minimumBytes) return Math.floor(budget);
  const smallest = plan.minimumBytes + plan.overheadBytes + NODE_BYTES;
  throw new FlashrowError(
    'INSUFFICIENT_MEMORY',
    `--cap ${Math.floor(capBytes)} is too small for this model: use at least ${smallest}`,
    { minimumBytes: smallest },
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
