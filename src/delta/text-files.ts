import { copyFileSync, existsSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { FlashrowError } from '../errors.js';
import { parseObject, readSmallFile } from '../import/json.js';

const CONFIG = 'config.json';
const TOKENIZER = 'tokenizer.json';
const ADDED = 'added_tokens.json';
/** Files beside the weights: configuration, vocabulary, templates, licences. */
const BESIDE = /^(.+\.(json|jinja|txt|md)|tokenizer\.model|licen[cs]e.*)$/i;
const INDEX = /\.index\.json$/;
const MOST_BYTES = 128 * 2 ** 20;

/**
 * Copies what stands beside the delta's weights. A vocabulary that the delta does not bring is the base's, with the
 * delta's added tokens. Returns what is still missing, in sentences. Throws NOT_FOUND, CORRUPT, UNSUPPORTED or IO.
 */
export function copyTextFiles(base: string, delta: string, into: string): string[] {
  for (const name of readdirSync(delta)) {
    const stats = statSync(join(delta, name), { throwIfNoEntry: false });
    if (stats?.isFile() && BESIDE.test(name) && !INDEX.test(name) && stats.size <= MOST_BYTES)
      copyFileSync(join(delta, name), join(into, name));
  }
  if (existsSync(join(into, TOKENIZER))) return [];
  if (!existsSync(join(base, TOKENIZER)))
    return [
      `neither the base nor the delta has ${TOKENIZER}: save the delta's tokenizer as a "fast" one there, as the model cannot be run without`,
    ];
  const tokenizer = parseObject(readSmallFile(join(base, TOKENIZER), MOST_BYTES), join(base, TOKENIZER));
  const path = join(delta, ADDED);
  const added = existsSync(path) ? parseObject(readSmallFile(path, MOST_BYTES), path) : {};
  writeFileSync(join(into, TOKENIZER), JSON.stringify(withTokens(tokenizer, added, path)));
  return [];
}

/** Throws NOT_FOUND for a delta without a configuration, which says what model it makes. */
export function readConfig(delta: string): Record<string, unknown> {
  const path = join(delta, CONFIG);
  return parseObject(readSmallFile(path, MOST_BYTES), path);
}

/** A vocabulary with more special tokens, by their ids. */
function withTokens(tokenizer: Record<string, unknown>, added: Record<string, unknown>, path: string): object {
  const known = (Array.isArray(tokenizer.added_tokens) ? tokenizer.added_tokens : []) as {
    id: number;
    content: string;
  }[];
  const flags = { single_word: false, lstrip: false, rstrip: false, normalized: false, special: true };
  const fresh = Object.entries(added).flatMap(([content, id]) => {
    if (!Number.isSafeInteger(id) || (id as number) < 0)
      throw new FlashrowError(
        'CORRUPT',
        `${path} gives ${JSON.stringify(content.slice(0, 80))} an id that is no number`,
        {
          path,
        },
      );
    const before = known.find((token) => token.content === content || token.id === id);
    if (before === undefined) return [{ id: id as number, content, ...flags }];
    if (before.content === content && before.id === id) return [];
    throw new FlashrowError(
      'UNSUPPORTED',
      `${path} gives ${JSON.stringify(content.slice(0, 80))} the id ${id}, and the base's vocabulary says otherwise; give the delta a ${TOKENIZER}`,
      { path },
    );
  });
  return { ...tokenizer, added_tokens: [...known, ...fresh] };
}
