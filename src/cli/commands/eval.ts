import { Command } from 'commander';
import type { compareSelectors } from '../../api/compare-selectors.js';
import type { Model } from '../../contract/model.js';
import { FlashrowError } from '../../errors.js';
import { makeWindows, splitDocuments } from '../../text/documents.js';
import { interruptSignal } from '../input/interrupt.js';
import { readText } from '../input/read-input.js';
import { addExamples } from '../options/help.js';
import { addModelOptions, MODEL_ARGUMENT, type ModelFlags, toModelOptions } from '../options/model-options.js';
import { isTokenIds, parseJson } from '../options/option-values.js';
import { warnedInCommandWords } from '../output/command-words.js';
import { formatComparison } from '../output/comparison.js';
import { plural } from '../output/format.js';
import { noteAll, notice, printJson, printLine } from '../output/output.js';
import { formatReceipt } from '../output/receipt.js';
import { IN_CACHE, withProgress } from '../output/task-progress.js';
import { namedModel } from './named-model.js';
import { withModel } from './with-model.js';

interface EvalFlags extends ModelFlags {
  text?: string;
  sequences?: string;
  compare?: boolean;
  json?: boolean;
}

/** Makes the sequences to score, once the model is loaded and its context is known. */
type Sequences = (model: Model) => number[][];

export function evalCommand(): Command {
  const command = new Command('eval')
    .description('negative log-likelihood and perplexity of a text')
    .argument('<model>', MODEL_ARGUMENT)
    .option('--text <file>', 'a text; a line <|endoftext|> ends a document')
    .option('--sequences <file>', 'JSON [[ids], ...]; the first token of each is not scored')
    .option('--compare', 'also with every row that matters: what the selector costs (ReLU models)');
  addExamples(
    command,
    ['flashrow eval model.gguf --text book.txt --context 512', 'how well a model knows a text'],
    ['flashrow eval store --text book.txt --lossy --select low-rank --compare', 'what a selector that guesses costs'],
  );
  return addModelOptions(command).action(evaluate);
}

async function evaluate(source: string, flags: EvalFlags): Promise<void> {
  if (flags.compare) return compareRuns(source, flags);
  const sequencesFor = await readSequences(source, flags);
  const signal = interruptSignal();
  const result = await withModel(source, toModelOptions(flags), signal, async (model) => {
    const sequences = sequencesFor(model);
    if (!sequences.some((ids) => ids.length > 1)) {
      throw new FlashrowError('BAD_USAGE', 'nothing to score: no sequence has a token after its first', {
        sequences: sequences.length,
      });
    }
    const scored = await withProgress(IN_CACHE, (onProgress) => model.evaluate(sequences, { signal, onProgress }));
    return scored.result;
  });
  if (flags.json) return printJson(result);
  printLine(
    `perplexity ${result.perplexity.toFixed(4)}, mean NLL ${result.meanNll.toFixed(6)} over ${plural(result.tokens, 'token')}`,
  );
  notice(formatReceipt(result.receipt));
}

async function compareRuns(given: string, flags: EvalFlags): Promise<void> {
  const text = await readComparisonText(flags);
  const source = await namedModel(given, flags.cacheDir);
  const { compareSelectors } = await import('../../api/compare-selectors.js');
  const { result } = await withProgress(IN_CACHE, (onProgress) =>
    compareSelectors(source, text, { ...toModelOptions(flags), signal: interruptSignal(), onProgress }),
  );
  noteAll(result.warnings);
  if (flags.json) return printJson(warnedInCommandWords(result));
  printLine(formatComparison(result));
}

async function readComparisonText(flags: EvalFlags): Promise<Parameters<typeof compareSelectors>[1]> {
  checkOneText(flags);
  if (flags.sequences !== undefined) return { sequences: await idsIn(flags.sequences) };
  return { documents: splitDocuments(await readText('--text', flags.text!)) };
}

async function readSequences(source: string, { text, sequences, cacheDir }: EvalFlags): Promise<Sequences> {
  checkOneText({ text, sequences });
  if (sequences === undefined) return fromText(source, text!, cacheDir);
  const ids = await idsIn(sequences);
  return () => ids;
}

function checkOneText({ text, sequences }: Pick<EvalFlags, 'text' | 'sequences'>): void {
  if (text !== undefined && sequences !== undefined)
    throw new FlashrowError('BAD_USAGE', 'give --text or --sequences, not both');
  if (text === undefined && sequences === undefined)
    throw new FlashrowError('BAD_USAGE', 'nothing to score: give --text <file> or --sequences <file>');
}

async function idsIn(path: string): Promise<number[][]> {
  const sequences = parseJson(await readText('--sequences', path));
  if (!Array.isArray(sequences) || !sequences.every(isTokenIds)) {
    throw new FlashrowError(
      'BAD_USAGE',
      `--sequences ${path}: expected JSON like [[1,2],[1,3,4]], arrays of token ids`,
      { path },
    );
  }
  return sequences;
}

/** Encoded before the model is loaded: the growth in memory that a receipt shows is then the model's alone. */
async function fromText(source: string, path: string, cacheDir: string | undefined): Promise<Sequences> {
  const documents = splitDocuments(await readText('--text', path));
  const { openTokenizer } = await import('../../hub/open-tokenizer.js');
  const { tokenizer } = await openTokenizer(await namedModel(source, cacheDir), cacheDir);
  const ids = documents.map((document) =>
    tokenizer.encode(document, { addBos: false, addEos: false, parseSpecial: false }),
  );
  return (model) => makeWindows(ids, model.info.contextSize, tokenizer.bosId);
}
