import { shown } from '../errors.js';
import { Fields } from '../model/fields.js';
import type { GgufVocabulary } from './checkpoint.js';
import type { GgufHeader } from './gguf-header.js';

const PREFIX = 'tokenizer.ggml';
const SAMPLING_PREFIX = 'general.sampling.';
/** Writers put this id where there is no such token. */
const NO_TOKEN = 0xffffffff;
/** What a file without a vocabulary calls it. */
export const NO_VOCABULARY = 'none';
/** Values of `tokenizer.ggml.model` whose vocabulary is read. */
export const SUPPORTED_GGUF_MODELS: ReadonlySet<string> = new Set(['llama', 'gpt2', 'gemma4']);

/**
 * The vocabulary in a file's metadata. Its lists are checked against one another. What llama.cpp passes over (an id
 * outside the vocabulary, a list that is too long) is passed over here too, with a warning. A vocabulary of a kind that
 * is not supported is given as it is. Throws CORRUPT.
 */
export function readGgufVocabulary(path: string, metadata: GgufHeader['metadata']): GgufVocabulary {
  const fields = new Fields(path, (key) => metadata.get(key));
  const model = fields.text(`${PREFIX}.model`) ?? NO_VOCABULARY;
  const tokens = (list(fields, 'tokens', 'string') ?? []) as string[];
  const merges = list(fields, 'merges', 'string') as string[] | null;
  if (SUPPORTED_GGUF_MODELS.has(model)) checkComplete(fields, model, tokens, merges);
  const warnings: string[] = [];
  const numIds = tokens.length === 0 ? NO_TOKEN : tokens.length;
  const id = (name: string) => tokenId(fields, name, numIds, warnings);
  return {
    kind: 'gguf',
    model,
    pre: fields.text(`${PREFIX}.pre`),
    tokens,
    scores: perToken(fields, 'scores', tokens.length, warnings),
    types: perToken(fields, 'token_type', tokens.length, warnings),
    merges: merges ?? [],
    bosId: id('bos'),
    eosId: id('eos'),
    unknownId: id('unknown'),
    eotId: id('eot'),
    eomId: id('eom'),
    fimPadId: id('fim_pad'),
    fimRepoId: id('fim_rep'),
    fimSeparatorId: id('fim_sep'),
    suppressedIds: ((list(fields, 'suppress_tokens', 'number') ?? []) as number[]).filter((id) => id < numIds),
    addBos: fields.flag(`${PREFIX}.add_bos_token`),
    addEos: fields.flag(`${PREFIX}.add_eos_token`),
    addSpacePrefix: fields.flag(`${PREFIX}.add_space_prefix`),
    chatTemplate: fields.text('tokenizer.chat_template'),
    name: fields.text('general.name'),
    sampling: Object.fromEntries(
      [...metadata]
        .filter(([key]) => key.startsWith(SAMPLING_PREFIX))
        .map(([key, value]) => [key.slice(SAMPLING_PREFIX.length), value]),
    ),
    warnings,
  };
}

/** A vocabulary of a kind that is not read here is left as it is: the model runs on token ids. */
function checkComplete(fields: Fields, model: string, tokens: readonly string[], merges: unknown): void {
  if (tokens.length === 0) throw fields.corrupt(`${PREFIX}.tokens`, 'is missing; a vocabulary has tokens');
  checkDistinct(fields, tokens);
  if (model === 'llama' || merges !== null) return;
  throw fields.corrupt(
    `${PREFIX}.merges`,
    'is missing; byte-pair encoding is nothing without its merges. Convert the model again with a newer converter',
  );
}

/** An unused id may have an empty text; any other text that stands twice would lose one of its ids. */
function checkDistinct(fields: Fields, tokens: readonly string[]): void {
  const ids = new Map<string, number>();
  for (let id = 0; id < tokens.length; id++) {
    const first = tokens[id] === '' ? undefined : ids.get(tokens[id]);
    if (first !== undefined)
      throw fields.corrupt(`${PREFIX}.tokens`, `has ${shown(tokens[id])} twice, as ${first} and as ${id}`);
    ids.set(tokens[id], id);
  }
}

function tokenId(fields: Fields, name: string, numTokens: number, warnings: string[]): number | null {
  const key = `${PREFIX}.${name}_token_id`;
  const value = fields.raw(key);
  if (value === undefined || value === NO_TOKEN || value === -1) return null;
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value > NO_TOKEN)
    throw fields.corrupt(key, `is ${shown(value)}; token ids are whole numbers from 0`);
  if (value < numTokens) return value;
  warnings.push(`${key} is ${value}, outside the vocabulary of ${numTokens} tokens; it is passed over`);
  return null;
}

function list(fields: Fields, name: string, type: 'string' | 'number'): unknown[] | null {
  const values = fields.raw(`${PREFIX}.${name}`);
  if (values === undefined) return null;
  // The file states one type for the whole list, so the first entry is enough.
  if (!Array.isArray(values) || (values.length > 0 && typeof values[0] !== type))
    throw fields.corrupt(`${PREFIX}.${name}`, `is ${shown(values)}; it should be a list of ${type}s`);
  return values;
}

/** A list with an entry for each token, or more; empty where the file has none. */
function perToken(fields: Fields, name: string, numTokens: number, warnings: string[]): number[] {
  const values = list(fields, name, 'number') as number[] | null;
  if (values === null) return [];
  if (values.length < numTokens)
    throw fields.corrupt(`${PREFIX}.${name}`, `has ${values.length} entries for ${numTokens} tokens`);
  if (values.some((value) => Number.isNaN(value)))
    throw fields.corrupt(`${PREFIX}.${name}`, 'holds a value that is not a number');
  if (values.length > numTokens)
    warnings.push(`${PREFIX}.${name} has ${values.length} entries for ${numTokens} tokens; the rest is passed over`);
  return values.slice(0, numTokens);
}
