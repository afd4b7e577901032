import { FlashrowError, shown } from '../../errors.js';
import type { GgufVocabulary } from '../../import/checkpoint.js';
import { NO_VOCABULARY, SUPPORTED_GGUF_MODELS } from '../../import/gguf-vocabulary.js';
import type { StoredText } from '../stored-text.js';
import { type GgufPreTokenizer, preTokenizerName, preTokenizerOf } from './gguf-pre-tokenizers.js';
import { generationConfigOf } from './gguf-sampling.js';
import { GgufSpecialTokens } from './gguf-special-tokens.js';
import { sentencePieceMerges } from './sentencepiece-merges.js';

/**
 * A GGUF vocabulary as tokenizer.json. A text gives the same ids as in llama.cpp. Throws UNSUPPORTED for unknown
 * tokenizer models and pre-tokenizers, CORRUPT where the lists contradict each other.
 */
export function textFromGguf(vocabulary: GgufVocabulary): StoredText {
  const { model } = vocabulary;
  if (!SUPPORTED_GGUF_MODELS.has(model)) throw unsupportedModel(model);
  const special = new GgufSpecialTokens(vocabulary);
  return {
    tokenizer: {
      version: '1.0',
      truncation: null,
      padding: null,
      added_tokens: special.added(),
      post_processor: null,
      ...partsOf(vocabulary, special),
    },
    chatTemplate: vocabulary.chatTemplate,
    generationConfig: generationConfigOf(vocabulary.sampling),
    text: special.text,
  };
}

function unsupportedModel(model: string): FlashrowError {
  const message =
    model === NO_VOCABULARY || model === 'no_vocab'
      ? 'the GGUF file has no vocabulary ("tokenizer.ggml.model"); convert the model again together with its tokenizer'
      : `the tokenizer ${shown(model)} of the GGUF file ("tokenizer.ggml.model") is not supported; llama (SentencePiece), gpt2 (byte-level BPE) and gemma4 (BPE of characters) are`;
  return new FlashrowError('UNSUPPORTED', message, { model });
}

function partsOf(vocabulary: GgufVocabulary, special: GgufSpecialTokens) {
  if (vocabulary.model === 'llama') return sentencePieceParts(vocabulary, special);
  const pre = preTokenizerOf(preTokenizerName(vocabulary));
  return pre.units === 'bytes' ? byteLevelParts(vocabulary, pre) : characterParts(vocabulary, pre, special);
}

const TO_SPACE_MARK = { type: 'Replace', pattern: { String: ' ' }, content: '\u2581' };
const FROM_SPACE_MARK = { type: 'Replace', pattern: { String: '\u2581' }, content: ' ' };

/** Gemma 4's BPE: of characters, not of bytes, with U+2581 for spaces. */
function characterParts(
  { tokens, merges }: GgufVocabulary,
  { pattern }: GgufPreTokenizer,
  { unknownId }: GgufSpecialTokens,
) {
  return {
    normalizer: TO_SPACE_MARK,
    pre_tokenizer: { type: 'Sequence', pretokenizers: pattern.map(isolated) },
    decoder: { type: 'Sequence', decoders: [FROM_SPACE_MARK, { type: 'ByteFallback' }, { type: 'Fuse' }] },
    model: {
      ...modelParts(tokens),
      unk_token: unknownId === null ? null : (tokens[unknownId] ?? null),
      fuse_unk: true,
      byte_fallback: true,
      merges,
      merges_join_texts: true,
    },
  };
}

function sentencePieceParts(vocabulary: GgufVocabulary, special: GgufSpecialTokens) {
  const { tokens, scores } = vocabulary;
  const { unknownId } = special;
  const prefix = vocabulary.addSpacePrefix ?? true;
  return {
    normalizer: {
      type: 'Sequence',
      normalizers: prefix ? [{ type: 'Prepend', prepend: '\u2581' }, TO_SPACE_MARK] : [TO_SPACE_MARK],
    },
    pre_tokenizer: null,
    decoder: {
      type: 'Sequence',
      decoders: [
        FROM_SPACE_MARK,
        { type: 'ByteFallback' },
        { type: 'Fuse' },
        ...(prefix ? [{ type: 'Strip', content: ' ', start: 1, stop: 0 }] : []),
      ],
    },
    model: {
      ...modelParts(tokens),
      unk_token: unknownId === null ? null : (tokens[unknownId] ?? null),
      fuse_unk: true,
      byte_fallback: true,
      ...sentencePieceMerges(tokens, scores, (id) => special.isText(id)),
    },
  };
}

const isolated = (Regex: string) => ({ type: 'Split', pattern: { Regex }, behavior: 'Isolated', invert: false });

function byteLevelParts(vocabulary: GgufVocabulary, { pattern, ignoreMerges }: GgufPreTokenizer) {
  return {
    normalizer: null,
    pre_tokenizer: {
      type: 'Sequence',
      pretokenizers: [
        ...pattern.map(isolated),
        { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false },
      ],
    },
    decoder: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false },
    model: {
      ...modelParts(vocabulary.tokens),
      unk_token: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: ignoreMerges,
      merges: vocabulary.merges,
      merges_join_texts: true,
    },
  };
}

function modelParts(tokens: readonly string[]) {
  // An object without a prototype can hold a token named "__proto__".
  const vocab: Record<string, number> = Object.create(null);
  for (let id = 0; id < tokens.length; id++) vocab[tokens[id]] = id;
  return { type: 'BPE', dropout: null, continuing_subword_prefix: null, end_of_word_suffix: null, vocab };
}
