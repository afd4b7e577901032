import { Command } from 'commander';
import { FlashrowError } from '../../errors.js';
import type { Tokenizer } from '../../text/tokenizer.js';
import { interruptSignal } from '../input/interrupt.js';
import { addExamples } from '../options/help.js';
import { addImageOption, addRegionOption, ofLastPicture, type RegionFlags } from '../options/image-option.js';
import { addModelOptions, MODEL_ARGUMENT, type ModelFlags, toModelOptions } from '../options/model-options.js';
import { integer, tokenIds } from '../options/option-values.js';
import { printJson, printLine } from '../output/output.js';
import { visibleText } from '../output/visible-text.js';
import { checkPictures, idsWithPictures } from './check-pictures.js';
import { namedModel } from './named-model.js';
import { withModel } from './with-model.js';

interface LogprobsFlags extends ModelFlags, RegionFlags {
  prompt?: string;
  tokens?: number[];
  top: number;
  seed?: number;
  json?: boolean;
}

export function logprobsCommand(): Command {
  const command = new Command('logprobs')
    .description(
      'what could come next: the likeliest tokens after each of the given ones, with the natural logarithm of their probability, best first',
    )
    .argument('<model>', MODEL_ARGUMENT)
    .option('-p, --prompt <text>', 'a text; BOS comes before it as the vocabulary says')
    .option('--tokens <ids>', "token ids in its place, taken as they are, like '[1,2]'", tokenIds('--tokens'))
    .option('--top <count>', 'candidates per position', integer('--top', 1), 10);
  addImageOption(command, '; <image> in the prompt says where, else pictures come first');
  addRegionOption(command);
  command.option(
    '--seed <number>',
    'draws the points of regions that are looked at (default: 0)',
    integer('--seed', 0),
  );
  addExamples(
    command,
    ['flashrow logprobs model.gguf --prompt "Once upon a" --top 3', 'what could come next'],
    ['flashrow logprobs model.gguf --tokens "[1,2]" --json', 'the same for token ids, for a script'],
  );
  return addModelOptions(command).action(logprobs);
}

async function logprobs(
  given: string,
  { prompt, tokens: ids, top, seed, json, image: images, region, ...flags }: LogprobsFlags,
): Promise<void> {
  if ((prompt === undefined) === (ids === undefined))
    throw new FlashrowError('BAD_USAGE', 'give --prompt <text> or --tokens <ids>: one of the two');
  if (images !== undefined && ids !== undefined) throw idsWithPictures();
  await checkPictures({ image: images, region });
  const source = await namedModel(given, flags.cacheDir);
  const { openTokenizer } = await import('../../hub/open-tokenizer.js');
  const { tokenizer } = await openTokenizer(source, flags.cacheDir);
  const regions = ofLastPicture({ image: images, region });
  const signal = interruptSignal();
  const { tokens, rows } = await withModel(source, toModelOptions(flags), signal, async (model) => {
    // As `run` makes ids of its prompt.
    const given = ids ?? (await model.tokenize(prompt!, { images, regions }));
    return { tokens: given, rows: await model.logprobs(given, top, { signal, images, regions, seed }) };
  });
  if (json) printJson(ids === undefined ? { tokens, rows } : { rows });
  else printLine(rows.map((row, at) => formatRow(tokenizer, tokens[at], at, row)).join('\n'));
}

/** `after 2 (" upon"): " a" 263 -0.0312, ...`: a token as it is written, its id, the logarithm. */
function formatRow(tokenizer: Tokenizer, after: number, position: number, row: readonly [number, number][]): string {
  const candidates = row.map(([id, lnp]) => `${shownToken(tokenizer, id)} ${id} ${lnp.toFixed(4)}`);
  return `after ${position} (${shownToken(tokenizer, after)}): ${candidates.join(', ')}`;
}

/** The text that a token adds; of a control token, or of a part of a character, the vocabulary's own name. */
function shownToken(tokenizer: Tokenizer, id: number): string {
  const bytes = tokenizer.bytes(id);
  const text = new TextDecoder().decode(bytes);
  return bytes.length === 0 || text.includes('\ufffd') ? tokenizer.token(id) : JSON.stringify(visibleText(text));
}
