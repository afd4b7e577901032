import { basename } from 'node:path';
import { Command } from 'commander';
import { type GenerationResult, loadModel, type ModelOptions } from '../../src/index.js';
import { runBench } from '../command.js';
import { median } from '../statistics.js';
import { markdownTable, type Row } from '../table.js';
import { FORMATS, PROMPTS } from './prompts.js';

interface Flags {
  model: string;
  draft: string[];
  memory?: string;
  rounds: number;
  tokens: number;
  context: number;
  threads?: number;
  temperature: number;
  json?: string;
}

const NAMED = ['off', 'auto', 'lookup', 'self', 'mtp'];
/** `off`, or one of the drafts. */
type Side = string;
/** By side, the answers of all rounds to one prompt. */
type Answers = Map<Side, GenerationResult[]>;

/** Loads the model, and has it answer every prompt; what comes of each goes to `answers`. */
async function run(flags: Flags, side: Side, answers: Map<string, Answers>): Promise<void> {
  const options: ModelOptions = {
    ...{ memory: flags.memory, contextSize: flags.context, threads: flags.threads },
    draft: NAMED.includes(side) ? (side as 'off') : { model: side },
  };
  const model = await loadModel(flags.model, options);
  try {
    for (const [kind, content] of Object.entries(PROMPTS)) {
      const drawn = {
        ...{ maxTokens: flags.tokens, temperature: flags.temperature, seed: 1, ignoreEos: true },
        responseFormat: FORMATS[kind],
      };
      const { result } = model.info.chatTemplate
        ? model.chat([{ role: 'user', content }], drawn)
        : model.generate(content, drawn);
      const results = answers.get(kind)!;
      results.set(side, [...(results.get(side) ?? []), await result]);
    }
  } finally {
    await model.dispose();
  }
}

function rowOf(kind: string, side: Side, answers: Answers): Row {
  const without = answers.get('off')!;
  const drafted = answers.get(side)!;
  const speed = (results: readonly GenerationResult[]) =>
    median(results.map(({ receipt }) => receipt.decodeTokensPerSecond ?? 0));
  const total = (results: readonly GenerationResult[], of: 'drafted' | 'accepted' | 'forced') =>
    results.reduce((sum, { receipt }) => sum + receipt.speculation[of], 0);
  const megabytes = (results: readonly GenerationResult[]) =>
    median(results.map(({ receipt }) => (receipt.speculation.bytesPerToken ?? 0) / 1e6));
  const text = JSON.stringify(without[0].tokens);
  return {
    text: kind,
    draft: basename(side),
    'tokens/s without': speed(without),
    'tokens/s with': speed(drafted),
    ratio: speed(drafted) / speed(without),
    drafted: total(drafted, 'drafted'),
    'of them right': total(drafted, 'accepted') / total(drafted, 'drafted'),
    forced: total(drafted, 'forced'),
    'tokens a pass': median(drafted.map(({ receipt }) => receipt.speculation.tokensPerPass ?? 0)),
    'MB a token without': megabytes(without),
    'MB a token with': megabytes(drafted),
    'same text': [...without, ...drafted].every(({ tokens }) => JSON.stringify(tokens) === text) ? 'yes' : 'NO',
  };
}

await runBench(async (args, log) => {
  const command = new Command('bench:drafts')
    .description(
      'Answers of six kinds without drafts and with each draft, by turns: speed, tokens a pass, whether they agree.',
    )
    .requiredOption('--model <model>', 'what loadModel takes')
    .option('--draft <drafts...>', 'lookup, self, mtp, or small models with the same vocabulary', ['lookup'])
    .option('--memory <bytes>', 'the budget of all sides')
    .option('--rounds <count>', 'loads of each side', Number, 1)
    .option('--tokens <count>', 'tokens of an answer', Number, 100)
    .option('--context <tokens>', 'tokens of context', Number, 2048)
    .option('--threads <count>', 'compute threads', Number)
    .option('--temperature <t>', '0 picks the likeliest token', Number, 0)
    .option('--json <file>', 'all receipts, for machines')
    .exitOverride()
    .parse([...args], { from: 'user' });
  const flags = command.opts<Flags>();
  const answers = new Map<string, Answers>(Object.keys(PROMPTS).map((kind) => [kind, new Map()]));
  for (let round = 0; round < flags.rounds; round++)
    for (const side of ['off', ...flags.draft]) {
      log(`round ${round + 1}, draft ${side}`);
      await run(flags, side, answers);
    }
  const rows = flags.draft.flatMap((side) => [...answers].map(([kind, of]) => rowOf(kind, side, of)));
  const receipts = [...answers].map(([kind, of]) => ({
    kind,
    sides: Object.fromEntries([...of].map(([side, results]) => [side, results.map(({ receipt }) => receipt)])),
  }));
  const differs = rows.some((row) => row['same text'] !== 'yes');
  return { text: markdownTable(rows), data: { rows, receipts }, json: flags.json ?? null, failed: differs };
});
