import { basename } from 'node:path';
import { runBench } from '../command.js';
import { describeMachine } from '../machine.js';
import { type CappedOptions, parseOptions } from './options.js';
import { printable, type Report, type Round } from './report.js';
import { withSession } from './session.js';

const measure = (options: CappedOptions, log: (line: string) => void): Promise<Report> =>
  withSession(options, log, async (session) => {
    const { select: selector, cache } = options;
    const trace = selector === 'trace' ? session.replayed().path : undefined;
    const setup = await session.setup({ selector, cache, trace }, false);
    const rounds: Round[] = [];
    for (let i = 0; i < options.rounds; i++) {
      log(`round ${i + 1} of ${options.rounds}: flashrow`);
      const { run: flashrow, reading } = await session.flashrow(setup);
      if (options.peer) log(`round ${i + 1} of ${options.rounds}: llama.cpp`);
      const peer = options.peer ? await session.llamaCpp() : null;
      rounds.push({ flashrow, peer, reading });
    }
    return {
      machine: describeMachine(),
      command: `npm run bench:capped -- ${process.argv.slice(2).join(' ')}`.trim(),
      model: basename(session.checkpoint, '.gguf'),
      checkpointBytes: session.checkpointBytes,
      capBytes: session.capBytes,
      budgetBytes: setup.memoryBytes,
      plan: setup.plan,
      promptTokens: options.promptTokens,
      newTokens: options.newTokens,
      context: options.context,
      threads: options.threads,
      rounds,
    };
  });

await runBench(async (args, log) => {
  const options = parseOptions('bench:capped', args);
  const report = await measure(options, log);
  const failed = report.rounds.some((round) => round.flashrow.failure !== null);
  return { text: printable(report), data: report, json: options.json, failed };
});
