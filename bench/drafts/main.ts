import { Command } from 'commander';
import { type GenerationResult, loadModel, type ModelOptions } from '../../src/index.js';
import { runBench } from '../command.js';
import { median } from '../statistics.js';
import { markdownTable, type Row } from '../table.js';
import { PROMPTS } from './prompts.js';

interface Flags {
  model: string;
  draft: string;
  memory?: string;
  rounds: number;
  tokens: number;
  context: number;
  threads?: number;
  temperature: number;
  json?: string;
}

type Side = 'without' | 'with';
type Answers = Record<Side, GenerationResult[]>;

/** Loads the model, and has it answer every prompt; what comes of each goes to `answers`. */
async function run(flags: Flags, side: Side, answers: Map<string, Answers>): Promise<void> {
  const named = ['auto', 'lookup', 'self', 'mtp'].includes(flags.draft)
    ? (flags.draft as 'auto')
    : { model: flags.draft };
  const options: ModelOptions = {
    ...{ memory: flags.memory, contextSize: flags.context, threads: flags.threads },
    draft: side === 'with' ? named : 'off',
  };
  const model = await loadModel(flags.model, options);
  try {
    for (const [kind, content] of Object.entries(PROMPTS)) {
      const drawn = { maxTokens: flags.tokens, temperature: flags.temperature, seed: 1, ignoreEos: true };
      const { result } = model.info.chatTemplate
        ? model.chat([{ role: 'user', content }], drawn)
        : model.generate(content, drawn);
      answers.get(kind)![side].push(await result);
    }
  } finally {
    await model.dispose();
  }
}

function rowOf(kind: string, { without, with: drafted }: Answers): Row {
  const speed = (results: readonly GenerationResult[]) =>
    median(results.map(({ receipt }) => receipt.decodeTokensPerSecond ?? 0));
  const total = (results: readonly GenerationResult[], of: 'drafted' | 'accepted') =>
    results.reduce((sum, { receipt }) => sum + receipt.speculation[of], 0);
  const megabytes = (results: readonly GenerationResult[]) =>
    median(results.map(({ receipt }) => (receipt.speculation.bytesPerToken ?? 0) / 1e6));
  const text = JSON.stringify(without[0].tokens);
  return {
    text: kind,
    'tokens/s without': speed(without),
    'tokens/s with': speed(drafted),
    ratio: speed(drafted) / speed(without),
    drafted: total(drafted, 'drafted'),
    'of them right': total(drafted, 'accepted') / total(drafted, 'drafted'),
    'tokens a pass': median(drafted.map(({ receipt }) => receipt.speculation.tokensPerPass ?? 0)),
    'MB a token without': megabytes(without),
    'MB a token with': megabytes(drafted),
    'same text': [...without, ...drafted].every(({ tokens }) => JSON.stringify(tokens) === text) ? 'yes' : 'NO',
  };
}

await runBench(async (args, log) => {
  const command = new Command('bench:drafts')
    .description(
      'Answers of five kinds with and without drafts, by turns: speed, tokens a pass, and whether they agree.',
    )
    .requiredOption('--model <model>', 'what loadModel takes')
    .option('--draft <draft>', 'lookup, self, mtp, or a small model with the same vocabulary', 'lookup')
    .option('--memory <bytes>', 'the budget of both sides')
    .option('--rounds <count>', 'loads of each side', Number, 2)
    .option('--tokens <count>', 'tokens of an answer', Number, 160)
    .option('--context <tokens>', 'tokens of context', Number, 2048)
    .option('--threads <count>', 'compute threads', Number)
    .option('--temperature <t>', '0 picks the likeliest token', Number, 0)
    .option('--json <file>', 'all receipts, for machines')
    .exitOverride()
    .parse([...args], { from: 'user' });
  const flags = command.opts<Flags>();
  const answers = new Map(Object.keys(PROMPTS).map((kind) => [kind, { without: [], with: [] } as Answers]));
  for (let round = 0; round < flags.rounds; round++)
    for (const side of ['without', 'with'] as const) {
      log(`round ${round + 1}, ${side} drafts`);
      await run(flags, side, answers);
    }
  const rows = [...answers].map(([kind, of]) => rowOf(kind, of));
  const receipts = [...answers].map(([kind, { without, with: drafted }]) => ({
    kind,
    without: without.map(({ receipt }) => receipt),
    with: drafted.map(({ receipt }) => receipt),
  }));
  const differs = rows.some((row) => row['same text'] !== 'yes');
  return { text: markdownTable(rows), data: { rows, receipts }, json: flags.json ?? null, failed: differs };
});
