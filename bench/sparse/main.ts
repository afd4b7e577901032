import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { Command } from 'commander';
import { FlashrowError } from '../../src/errors.js';
import { convertModel } from '../../src/index.js';
import { isStore } from '../../src/store/reader.js';
import { splitDocuments } from '../../src/text/documents.js';
import { runBench } from '../command.js';
import { describeMachine } from '../machine.js';
import { measureSparse } from './measure.js';
import { printable, type SparseReport } from './report.js';

const MOST_THREADS = 8;
const CACHE_SHARES = [0.1, 0.2, 0.3, 0.5, 1];

await runBench(async (args, log) => {
  const command = new Command('bench:sparse')
    .description('Measures what the predictors of a ReLU model choose, miss, cost and save.')
    .argument('<model>', 'a store, or a Hugging Face folder')
    .requiredOption('--text <FILE>', 'text to calibrate on; a line <|endoftext|> ends a document')
    .requiredOption('--judge <FILE>', 'text to judge by')
    .option('--tokens <N>', 'tokens to calibrate on', '60000')
    .option('--ranks <LIST>', 'ranks to compare', '32,64,128')
    .option('--context <N>', 'windows of the judged text', '256')
    .option('--max-tokens <N>', 'tokens written under each budget', '200')
    .option('--prompt <TEXT>', 'the text before them', 'Once upon a time')
    .option('--threads <T>', 'compute threads', `${Math.min(availableParallelism(), MOST_THREADS)}`)
    .option('--json <FILE>', 'also write everything measured as JSON; - is stdout')
    .exitOverride()
    .parse([...args], { from: 'user' });
  const given = command.opts<Record<string, string>>();
  const whole = (option: string, text: string): number => {
    if (/^[1-9]\d{0,6}$/.test(text)) return Number(text);
    throw new FlashrowError('BAD_USAGE', `--${option} is a whole number from 1, not "${text}"`, { option });
  };
  const source = resolve(command.args[0]);
  const folder = mkdtempSync(join(tmpdir(), 'flashrow-sparse-'));
  try {
    const store = isStore(source) ? source : join(folder, 'converted');
    if (store !== source) await convertModel(source, store);
    const threads = whole('threads', given.threads);
    const measured = await measureSparse(
      {
        store,
        folder,
        calibration: documentsIn(given.text),
        judged: documentsIn(given.judge),
        tokens: whole('tokens', given.tokens),
        ranks: given.ranks.split(',').map((rank) => whole('ranks', rank)),
        context: whole('context', given.context),
        cacheShares: CACHE_SHARES,
        prompt: given.prompt,
        newTokens: whole('max-tokens', given.maxTokens),
        threads,
      },
      log,
    );
    const report: SparseReport = {
      machine: describeMachine(),
      command: `npm run bench:sparse -- ${process.argv.slice(2).join(' ')}`,
      model: basename(source),
      threads,
      ...measured,
    };
    return { text: printable(report), data: report, json: given.json ?? null, failed: false };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

function documentsIn(path: string): string[] {
  if (!existsSync(path)) throw new FlashrowError('NOT_FOUND', `the file ${path} does not exist`, { path });
  return splitDocuments(readFileSync(path, 'utf8'));
}
