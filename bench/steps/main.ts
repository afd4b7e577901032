import { basename } from 'node:path';
import { openBridge } from '../../native-bridge/index.js';
import { READ_THREADS } from '../../src/plan/overhead.js';
import { unitsWhole } from '../../src/plan/units.js';
import { openStore } from '../../src/store/reader.js';
import type { Run } from '../capped/measure.js';
import { type CappedOptions, parseOptions } from '../capped/options.js';
import { type Session, type Setup, withSession } from '../capped/session.js';
import { runBench } from '../command.js';
import { describeMachine } from '../machine.js';
import { diskBandwidth } from '../probes/disk.js';
import { median } from '../statistics.js';
import { type BundlingEstimate, type MeasuredStep, printable, type StepsReport } from './report.js';
import { STEPS } from './steps.js';

const PROBES = 7;
/** What the paper's bundles are put beside: gate, up and down rows, each read by itself. */
const ROWS_PER_NEURON = 3;

const measure = (options: CappedOptions, log: (line: string) => void): Promise<StepsReport> =>
  withSession(options, log, async (session) => {
    const { path: trace, activeShare } = session.replayed();
    const setups: Setup[] = [];
    for (const { tuning, least } of STEPS) {
      const withTrace = tuning.selector === 'trace' ? { ...tuning, trace } : tuning;
      setups.push(await session.setup(withTrace, least));
    }
    const steps = STEPS.map(({ name, what }, i): MeasuredStep => {
      return { name, what, budgetBytes: setups[i].memoryBytes, rounds: [] };
    });
    const peer: Run[] = [];
    for (let round = 0; round < options.rounds; round++) {
      for (const [i, step] of steps.entries()) {
        log(`round ${round + 1} of ${options.rounds}: ${step.name}`);
        step.rounds.push(await session.flashrow(setups[i]));
      }
      if (!options.peer) continue;
      log(`round ${round + 1} of ${options.rounds}: llama.cpp`);
      peer.push(await session.llamaCpp());
    }
    return {
      machine: describeMachine(),
      command: `npm run bench:steps -- ${process.argv.slice(2).join(' ')}`.trim(),
      model: basename(session.checkpoint, '.gguf'),
      checkpointBytes: session.checkpointBytes,
      capBytes: session.capBytes,
      activeShare,
      promptTokens: options.promptTokens,
      newTokens: options.newTokens,
      threads: options.threads,
      steps,
      peer,
      bundling: estimateBundling(session, options),
    };
  });

/** What reading the rows of a neuron apart would cost, by raw reads of the same file; null for experts, which are large either way. */
function estimateBundling({ store }: Session, { threads }: CappedOptions): BundlingEstimate | null {
  const { files, layers, spec } = openStore(store);
  if (spec.experts) return null;
  const { bundleBytes } = unitsWhole(layers[0]);
  const bridge = openBridge({ threads });
  const probe = (bytes: number) => {
    const record = Math.max(4096, Math.ceil(bytes / 4096) * 4096);
    const path = files[layers[0].extents[0].file];
    const speeds = Array.from({ length: PROBES }, (_, turn) => diskBandwidth(bridge, path, record, READ_THREADS, turn));
    // Of a record that was rounded up, what was wanted.
    return (median(speeds) * bytes) / record;
  };
  try {
    const [bundled, unbundled] = [probe(bundleBytes), probe(bundleBytes / ROWS_PER_NEURON)];
    return { step: 'predictor', bundleBytes, bundled, unbundled };
  } finally {
    bridge.dispose();
  }
}

await runBench(async (args, log) => {
  const options = parseOptions('bench:steps', args);
  const report = await measure(options, log);
  const failed = report.steps.some(({ rounds }) => rounds.some(({ run }) => run.failure !== null));
  return { text: printable(report), data: report, json: options.json, failed };
});
