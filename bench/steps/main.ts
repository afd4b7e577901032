import { basename } from 'node:path';
import type { Run } from '../capped/measure.js';
import { type CappedOptions, parseOptions } from '../capped/options.js';
import { type Setup, withSession } from '../capped/session.js';
import { runBench } from '../command.js';
import { describeMachine } from '../machine.js';
import { type MeasuredStep, printable, type StepsReport } from './report.js';
import { STEPS } from './steps.js';
import { unbundledStore } from './unbundle.js';

const measure = (options: CappedOptions, log: (line: string) => void): Promise<StepsReport> =>
  withSession(options, log, async (session) => {
    const { path: trace, activeShare } = session.replayed();
    const setups: Setup[] = [];
    const apart = unbundledStore(session.store, log);
    for (const { tuning, smallest, bundled } of STEPS) {
      const withTrace = tuning.selector === 'trace' ? { ...tuning, trace } : tuning;
      setups.push(await session.setup(withTrace, smallest, bundled ? session.store : apart));
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
    };
  });

await runBench(async (args, log) => {
  const options = parseOptions('bench:steps', args);
  const report = await measure(options, log);
  const failed = report.steps.some(({ rounds }) => rounds.some(({ run }) => run.failure !== null));
  return { text: printable(report), data: report, json: options.json, failed };
});
