import { Command } from 'commander';
import { FlashrowError } from '../../errors.js';
import { BYTE_ORDER_MARK, readExactText } from '../input/read-input.js';
import { addExamples } from '../options/help.js';
import { noteAll, notice, printJson, printLine } from '../output/output.js';
import { namedModel } from './named-model.js';

interface TokenizeFlags {
  text?: string;
  file?: string;
  special: boolean;
  cacheDir?: string;
  json?: boolean;
}

export function tokenizeCommand(): Command {
  const command = new Command('tokenize')
    .description('token ids of a text')
    .argument(
      '<model>',
      'a store folder, a GGUF file (its vocabulary is enough), a Hugging Face folder, or the name of a model that was pulled',
    )
    .option('--text <text>', 'the text, literally')
    .option('--file <file>', 'a file taken byte for byte, - for stdin')
    .option('--no-special', 'add no BOS or EOS, and parse no special token in the text')
    .option(
      '--cache-dir <folder>',
      'where models were pulled to (default: FLASHROW_CACHE, else the cache folder of the platform)',
    )
    .action(tokenize);
  return addExamples(
    command,
    ['flashrow tokenize model.gguf --text "Once upon a time"', 'the ids of a text'],
    ['flashrow tokenize model.gguf --file - < letter.txt', 'the ids of a file'],
  );
}

async function tokenize(source: string, flags: TokenizeFlags): Promise<void> {
  const text = await chosenText(flags);
  const { openTokenizer } = await import('../../hub/open-tokenizer.js');
  const { tokenizer, warnings } = await openTokenizer(await namedModel(source, flags.cacheDir), flags.cacheDir);
  noteAll(warnings);
  const { special } = flags;
  const tokens = tokenizer.encode(text, {
    addBos: special && tokenizer.addBos,
    addEos: special && tokenizer.addEos,
    parseSpecial: special,
  });
  if (flags.json) printJson({ tokens });
  else printLine(JSON.stringify(tokens));
}

async function chosenText({ text, file }: TokenizeFlags): Promise<string> {
  if (text !== undefined && file !== undefined) throw new FlashrowError('BAD_USAGE', 'give --text or --file, not both');
  if (text !== undefined) return text;
  if (file !== undefined) {
    const content = await readExactText('--file', file);
    if (content.startsWith(BYTE_ORDER_MARK))
      notice(`note: ${file} begins with a byte order mark, which is among the ids: a file is taken byte for byte`);
    return content;
  }
  throw new FlashrowError('BAD_USAGE', 'nothing to tokenize: give --text <text> or --file <file>');
}
