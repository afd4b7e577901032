import { FlashrowError } from '../errors.js';
import { isRecord } from './json-shape.js';
import { precompiled } from './precompiled.js';
import { SequenceNormalizer } from './tokenizers-library.js';

export type Normalizer = (text: string) => string;

/**
 * tokenizer.json's `normalizer`, with the meaning of the Rust library behind Hugging Face's fast tokenizers. Where the
 * library in JavaScript comes only near it, the step is ours. Throws UNSUPPORTED or CORRUPT.
 */
export function createNormalizer(config: unknown): Normalizer {
  if (config === null || config === undefined) return (text) => text;
  if (!isRecord(config)) throw new FlashrowError('CORRUPT', "tokenizer.json's normalizer is not an object");
  switch (config.type) {
    case 'Sequence': {
      if (!Array.isArray(config.normalizers))
        throw new FlashrowError('CORRUPT', "tokenizer.json's normalizer is a Sequence without a list of normalizers");
      const steps = config.normalizers.map(createNormalizer);
      return (text) => steps.reduce((normalized, step) => step(normalized), text);
    }
    case 'BertNormalizer':
      return bert(config);
    case 'Lowercase':
      return lowercase;
    case 'Precompiled':
      return precompiled(config.precompiled_charsmap);
    default:
      return ofLibrary(config);
  }
}

function ofLibrary(config: Record<string, unknown>): Normalizer {
  try {
    const normalizer = new SequenceNormalizer({ type: 'Sequence', normalizers: [config] });
    return (text) => normalizer.normalize(text);
  } catch (cause) {
    throw new FlashrowError('UNSUPPORTED', `tokenizer.json's normalizer is not supported: ${cause}`, {}, { cause });
  }
}

/** Character by character. JavaScript would make another sigma of the last one in a word. */
const lowercase = (text: string): string =>
  text.includes('\u03a3')
    ? text
        .split('\u03a3')
        .map((part) => part.toLowerCase())
        .join('\u03c3')
    : text.toLowerCase();

/** Han as the Rust library knows it; its range from U+2B920 on begins late, as there. */
const HAN =
  /[\u4e00-\u9fff\u3400-\u4dbf\u{20000}-\u{2a6df}\u{2a700}-\u{2b73f}\u{2b740}-\u{2b81f}\u{2b920}-\u{2ceaf}\uf900-\ufaff\u{2f800}-\u{2fa1f}]/gu;
const CONTROL = /[\0\ufffd]|(?![\t\n\r])[\p{Cc}\p{Cf}\p{Co}\p{Cs}]/gu;

function bert(config: Record<string, unknown>): Normalizer {
  const lowers = config.lowercase !== false;
  const strips = typeof config.strip_accents === 'boolean' ? config.strip_accents : lowers;
  return (text) => {
    let result = text;
    if (config.clean_text !== false) result = result.replace(CONTROL, '').replace(/\p{White_Space}/gu, ' ');
    if (config.handle_chinese_chars !== false) result = result.replace(HAN, ' $& ');
    if (strips) result = result.normalize('NFD').replace(/\p{Mn}/gu, '');
    return lowers ? lowercase(result) : result;
  };
}
