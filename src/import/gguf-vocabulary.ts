import { FlashrowError, shown } from '../errors.js';
import { Fields } from '../model/fields.js';
import type { GgufVocabulary } from './checkpoint.js';
import type { GgufHeader } from './gguf-header.js';

const PREFIX = 'tokenizer.ggml';
/** Writers put this id where there is no such token. */
const NO_TOKEN = 0xffffffff;
const NORMAL_TOKEN = 1;

/** The vocabulary in a file's metadata. Its lists are checked against one another. Throws CORRUPT or UNSUPPORTED. */
export function readGgufVocabulary(path: string, metadata: GgufHeader['metadata']): GgufVocabulary {
  const fields = new Fields(path, (key) => metadata.get(key));
  const model = fields.text(`${PREFIX}.model`);
  if (model === null)
    throw new FlashrowError(
      'UNSUPPORTED',
      `${path} carries no vocabulary ("${PREFIX}.model"); convert the model again together with its tokenizer`,
      { path },
    );
  if (model !== 'llama' && model !== 'gpt2')
    throw fields.unsupported(
      `${PREFIX}.model`,
      `is ${shown(model)}; supported: llama (SentencePiece), gpt2 (byte-level BPE)`,
    );

  const tokens = list(fields, 'tokens', 'string') as string[] | null;
  if (!tokens?.length) throw fields.corrupt(`${PREFIX}.tokens`, 'is missing; a vocabulary has tokens');
  const tokenId = (name: string) => {
    const value = fields.raw(`${PREFIX}.${name}_token_id`);
    if (value === undefined || value === NO_TOKEN || value === -1) return null;
    if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value >= tokens.length)
      throw fields.corrupt(
        `${PREFIX}.${name}_token_id`,
        `is ${shown(value)}, outside the vocabulary of ${tokens.length} tokens`,
      );
    return value;
  };
  return {
    kind: 'gguf',
    model,
    pre: fields.text(`${PREFIX}.pre`),
    tokens,
    scores: perToken(fields, 'scores', tokens.length) ?? [],
    types: perToken(fields, 'token_type', tokens.length) ?? new Array<number>(tokens.length).fill(NORMAL_TOKEN),
    merges: (list(fields, 'merges', 'string') as string[] | null) ?? [],
    bosId: tokenId('bos'),
    eosId: tokenId('eos'),
    unknownId: tokenId('unknown'),
    addBos: fields.flag(`${PREFIX}.add_bos_token`),
    addEos: fields.flag(`${PREFIX}.add_eos_token`),
    addSpacePrefix: fields.flag(`${PREFIX}.add_space_prefix`),
    chatTemplate: fields.text('tokenizer.chat_template'),
  };
}

function list(fields: Fields, name: string, type: 'string' | 'number'): unknown[] | null {
  const values = fields.raw(`${PREFIX}.${name}`);
  if (values === undefined) return null;
  // The file states one type for the whole list, so the first entry is enough.
  if (!Array.isArray(values) || (values.length > 0 && typeof values[0] !== type))
    throw fields.corrupt(`${PREFIX}.${name}`, `is ${shown(values)}; it should be a list of ${type}s`);
  return values;
}

function perToken(fields: Fields, name: string, numTokens: number): number[] | null {
  const values = list(fields, name, 'number') as number[] | null;
  if (values && values.length !== numTokens)
    throw fields.corrupt(`${PREFIX}.${name}`, `has ${values.length} entries for ${numTokens} tokens`);
  if (values?.some((value) => Number.isNaN(value)))
    throw fields.corrupt(`${PREFIX}.${name}`, 'holds a value that is not a number');
  return values;
}
