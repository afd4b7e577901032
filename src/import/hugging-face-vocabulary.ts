import { join } from 'node:path';
import { kindOf } from '../disk/files.js';
import { FlashrowError, shown } from '../errors.js';
import { Fields } from '../model/fields.js';
import type { HuggingFaceVocabulary } from './checkpoint.js';
import type { SourceDigest } from './digest.js';
import { parseObject, parseText, readSmallFile } from './json.js';

const TOKENIZER_FILE = 'tokenizer.json';
const TOKENIZER_CONFIG_FILE = 'tokenizer_config.json';
const CHAT_TEMPLATE_FILE = 'chat_template.jinja';
const GENERATION_CONFIG_FILE = 'generation_config.json';

/** The largest known file, with 260,000 tokens, has 33 MB. */
const MAX_TOKENIZER_BYTES = 128 * 2 ** 20;
const MAX_CONFIG_BYTES = 16 * 2 ** 20;

/**
 * Reads a folder's tokenizer files and adds them to `digest`. `wholeConfig` is config.json. Throws NOT_FOUND or
 * CORRUPT.
 */
export function readHuggingFaceVocabulary(
  folder: string,
  wholeConfig: Fields,
  digest: SourceDigest,
): HuggingFaceVocabulary {
  const modelConfig = withTextPart(wholeConfig);
  const read = (name: string, maxBytes: number): { path: string; bytes: Uint8Array } | null => {
    const path = join(folder, name);
    if (kindOf(path) !== 'file') return null;
    const bytes = readSmallFile(path, maxBytes);
    digest.addBytes(bytes);
    return { path, bytes };
  };
  const tokenizer = read(TOKENIZER_FILE, MAX_TOKENIZER_BYTES);
  if (!tokenizer) {
    const path = join(folder, TOKENIZER_FILE);
    throw new FlashrowError(
      'NOT_FOUND',
      `${path} is missing; save the tokenizer as a "fast" one (tokenizer.json) beside the model`,
      { path },
    );
  }
  const settings = read(TOKENIZER_CONFIG_FILE, MAX_CONFIG_BYTES);
  const config = settings ? parseObject(settings.bytes, settings.path) : {};
  const template = read(CHAT_TEMPLATE_FILE, MAX_CONFIG_BYTES);
  const generation = read(GENERATION_CONFIG_FILE, MAX_CONFIG_BYTES);
  const generationConfig = generation ? parseObject(generation.bytes, generation.path) : null;
  return {
    kind: 'huggingface',
    tokenizer: parseObject(tokenizer.bytes, tokenizer.path),
    config,
    bosId: tokenId(modelConfig, 'bos_token_id', modelConfig.raw('bos_token_id')),
    eosIds: [
      ...endIds(modelConfig),
      ...(generationConfig ? endIds(Fields.of(join(folder, GENERATION_CONFIG_FILE), generationConfig)) : []),
    ],
    vocabSize: vocabSizeOf(modelConfig),
    generationConfig,
    chatTemplate: template
      ? parseText(template.bytes, template.path)
      : templateInConfig(Fields.of(join(folder, TOKENIZER_CONFIG_FILE), config)),
  };
}

/** Models with several parts keep the text part's settings apart. */
function withTextPart(config: Fields): Fields {
  const text = config.object('text_config');
  const keys = ['bos_token_id', 'eos_token_id', 'vocab_size'];
  return config.called({}, Object.fromEntries(keys.map((key) => [key, text?.raw(key)])));
}

function vocabSizeOf(modelConfig: Fields): number | null {
  const rows = modelConfig.raw('vocab_size');
  return typeof rows === 'number' ? rows : null;
}

/** The field holds one id or several. */
function endIds(config: Fields): number[] {
  const eos = config.raw('eos_token_id');
  return (Array.isArray(eos) ? eos : [eos]).flatMap((id) => tokenId(config, 'eos_token_id', id) ?? []);
}

function tokenId(config: Fields, key: string, id: unknown): number | null {
  if (id === undefined || id === null) return null;
  if (typeof id !== 'number' || !Number.isSafeInteger(id))
    throw config.corrupt(key, `holds ${shown(id)}; token ids are whole numbers`);
  // Some exports write -1 for "none".
  return id < 0 ? null : id;
}

/** The field is a text, or a list with a text named `default`. */
function templateInConfig(config: Fields): string | null {
  const template = config.raw('chat_template');
  if (!Array.isArray(template)) return config.text('chat_template');
  const found: unknown = template.find((entry) => entry?.name === 'default')?.template;
  return typeof found === 'string' ? found : null;
}
