import { Command, Option } from 'commander';
import { type Generation, loadModel } from '../../src/index.js';
import { runBench } from '../command.js';
import { median } from '../statistics.js';
import { markdownTable, type Row } from '../table.js';

/** Beginnings of texts of several kinds. */
const PROMPTS = [
  'def quicksort(values):\n    """Sorts a list in place."""\n',
  'The lighthouse keeper had not spoken to anyone for three weeks when',
  '{"name": "Ada Lovelace", "born": 1815, "known for": [',
  'Dear Sir or Madam,\n\nI am writing to you because the machine that I bought',
  'SELECT customers.name, SUM(orders.total) FROM customers JOIN orders ON',
  'To make a good soup for four people, begin with an onion and',
  'import { readFile } from "node:fs/promises";\n\n/** Counts the words of a file. */\n',
  'The causes of the First World War are many. Historians agree that',
];

/** Tokens; the longest of them has fewer. */
const LONGEST_PROMPT = 64;

interface Options {
  memory?: string;
  calls: number;
  tokens: number;
  rounds: number;
  threads?: number;
  draft: 'off' | 'auto';
}

interface Measured {
  texts: string[];
  tokensPerSecond: number;
  /** From the first call to the end of the last, prompts included. */
  seconds: number;
  bytesPerToken: number;
}

/** When each token of a generation came, ms. */
async function times(generation: Generation): Promise<number[]> {
  const at: number[] = [];
  for await (const _ of generation) at.push(performance.now());
  return at;
}

/** Tokens per second while all calls had begun to write and none had ended. */
function rateTogether(all: readonly number[][]): number {
  const from = Math.max(...all.map((at) => at[0]));
  const to = Math.min(...all.map((at) => at[at.length - 1]));
  const tokens = all.flat().filter((at) => at > from && at <= to).length;
  return (tokens / (to - from)) * 1e3;
}

/** Tokens per second after each call's first one. */
function rateInTurn(all: readonly number[][]): number {
  const tokens = all.reduce((sum, at) => sum + at.length - 1, 0);
  return (tokens / all.reduce((sum, at) => sum + at[at.length - 1] - at[0], 0)) * 1e3;
}

async function measure(path: string, atOnce: boolean, options: Options): Promise<Measured> {
  const { memory, calls, tokens, threads } = options;
  const model = await loadModel(path, {
    memory,
    threads,
    contextSize: LONGEST_PROMPT + tokens,
    sequences: atOnce ? calls : 1,
    draft: options.draft,
  });
  try {
    // The cache is full before anything is timed.
    await model.generate('Hello', { maxTokens: 4, ignoreEos: true }).result;
    const begun = performance.now();
    const begin = (i: number) => model.generate(PROMPTS[i % PROMPTS.length], { maxTokens: tokens, ignoreEos: true });
    const generations: Generation[] = [];
    const waited: Promise<number[]>[] = [];
    for (let i = 0; i < calls; i++) {
      generations.push(begin(i));
      waited.push(times(generations[i]));
      if (!atOnce) await waited[i];
    }
    const all = await Promise.all(waited);
    const seconds = (performance.now() - begun) / 1e3;
    const results = await Promise.all(generations.map(({ result }) => result));
    const read = results.reduce((sum, { receipt }) => sum + receipt.deviceBytesRead.decode, 0);
    return {
      texts: results.map(({ text }) => text),
      tokensPerSecond: atOnce ? rateTogether(all) : rateInTurn(all),
      seconds,
      bytesPerToken: read / (calls * tokens),
    };
  } finally {
    await model.dispose();
  }
}

await runBench(async (args, log) => {
  const command = new Command('bench:together')
    .description(
      'Conversations that decode together, beside the same ones after each other: tokens per second of both.',
    )
    .argument('<model>', 'a GGUF file, a folder or a store')
    .option('--memory <budget>', 'the budget')
    .option('--calls <count>', 'conversations', Number, 8)
    .option('--tokens <count>', 'tokens that each writes', Number, 48)
    .option('--rounds <count>', 'how often both are measured, in turn', Number, 3)
    .option('--threads <count>', 'compute threads', Number)
    .addOption(
      new Option('--draft <source>', 'what foretells tokens; only one that runs alone has any')
        .choices(['off', 'auto'])
        .default('off'),
    )
    .exitOverride()
    .parse([...args], { from: 'user' });
  const options = command.opts<Options>();
  const runs: { inTurn: Measured; together: Measured }[] = [];
  for (let round = 0; round < options.rounds; round++) {
    const inTurn = await measure(command.args[0], false, options);
    const together = await measure(command.args[0], true, options);
    runs.push({ inTurn, together });
    log(`round ${round + 1}: ${inTurn.tokensPerSecond.toFixed(2)} and ${together.tokensPerSecond.toFixed(2)} tokens/s`);
  }
  const row = (name: string, of: (run: (typeof runs)[number]) => Measured): Row => ({
    conversations: name,
    'tokens/s': median(runs.map((run) => of(run).tokensPerSecond)),
    's in all': median(runs.map((run) => of(run).seconds)),
    'MB read per token': median(runs.map((run) => of(run).bytesPerToken)) / 1e6,
  });
  const ratio = median(runs.map(({ inTurn, together }) => together.tokensPerSecond / inTurn.tokensPerSecond));
  const same = runs.every(({ inTurn, together }) => inTurn.texts.every((text, i) => text === together.texts[i]));
  const text = [
    markdownTable([row('one after the other', (run) => run.inTurn), row('together', (run) => run.together)]),
    '',
    `together / one after the other: ${ratio.toFixed(2)} (median of ${options.rounds}); the texts are ${same ? 'the same' : 'NOT the same'}`,
  ].join('\n');
  const data = runs.map(({ inTurn, together }) => ({
    inTurn: { ...inTurn, texts: undefined },
    together: { ...together, texts: undefined },
  }));
  return { text, data: { ratio, same, runs: data }, json: null, failed: !same };
});
