import { FlashrowError } from '../errors.js';
import type { GgufVocabulary } from '../import/checkpoint.js';
import { endOfTurnIds } from './end-of-turn.js';
import { preTokenizerOf } from './gguf-pre-tokenizers.js';
import { sentencePieceMerges } from './sentencepiece-merges.js';
import type { StoredText } from './stored-text.js';

/** GGML's token types (ggml/include/gguf.h and src/llama-vocab.h of llama.cpp). */
const UNKNOWN = 2;
const CONTROL = 3;
const USER_DEFINED = 4;

/** The ids of llama.cpp for a SentencePiece file that names none. */
const SENTENCEPIECE_BOS = 1;
const SENTENCEPIECE_EOS = 2;

/**
 * A GGUF vocabulary as tokenizer.json. A text gives the same ids as in llama.cpp. Throws UNSUPPORTED for unknown
 * tokenizer models and pre-tokenizers, CORRUPT where the lists contradict each other.
 */
export function textFromGguf(vocabulary: GgufVocabulary): StoredText {
  const { model, tokens, types } = vocabulary;
  if (model !== 'llama' && model !== 'gpt2') {
    throw new FlashrowError(
      'UNSUPPORTED',
      `the GGUF's tokenizer model "${model}" is not supported; llama (SentencePiece) and gpt2 (byte-level BPE) are`,
      { model },
    );
  }
  const sentencePiece = model === 'llama';
  const endOfTurn = endOfTurnIds((token) => inVocabulary(tokens.indexOf(token), tokens));
  const fallbackId = (id: number) => (sentencePiece && types[id] === CONTROL ? id : null);
  const bosId = inVocabulary(vocabulary.bosId, tokens) ?? fallbackId(SENTENCEPIECE_BOS);
  const eosId = inVocabulary(vocabulary.eosId, tokens) ?? fallbackId(SENTENCEPIECE_EOS);
  return {
    tokenizer: {
      version: '1.0',
      truncation: null,
      padding: null,
      added_tokens: addedTokens(tokens, types, endOfTurn),
      post_processor: null,
      ...(sentencePiece ? sentencePieceParts(vocabulary) : byteLevelParts(vocabulary)),
    },
    chatTemplate: vocabulary.chatTemplate,
    generationConfig: null,
    text: {
      bosId,
      eosIds: [...new Set(eosId === null ? endOfTurn : [eosId, ...endOfTurn])],
      addBos: bosId !== null && (vocabulary.addBos ?? sentencePiece),
      addEos: eosId !== null && (vocabulary.addEos ?? false),
    },
  };
}

/** The id, or null where it lies outside the vocabulary. Files write 0xFFFFFFFF for "no such token". */
const inVocabulary = (id: number | null, tokens: readonly string[]): number | null =>
  id !== null && id >= 0 && id < tokens.length ? id : null;

function addedTokens(tokens: readonly string[], types: readonly number[], endOfTurn: readonly number[]) {
  return tokens.flatMap((content, id) => {
    const special = types[id] === CONTROL || types[id] === UNKNOWN || endOfTurn.includes(id);
    if (!special && types[id] !== USER_DEFINED) return [];
    return [{ id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special }];
  });
}

function sentencePieceParts(vocabulary: GgufVocabulary) {
  const { tokens, types, scores, unknownId } = vocabulary;
  const prefix = vocabulary.addSpacePrefix ?? true;
  const isText = (id: number) => types[id] !== CONTROL && types[id] !== UNKNOWN;
  const toSpaceMark = { type: 'Replace', pattern: { String: ' ' }, content: '\u2581' };
  const fromSpaceMark = { type: 'Replace', pattern: { String: '\u2581' }, content: ' ' };
  return {
    normalizer: {
      type: 'Sequence',
      normalizers: prefix ? [{ type: 'Prepend', prepend: '\u2581' }, toSpaceMark] : [toSpaceMark],
    },
    pre_tokenizer: null,
    decoder: {
      type: 'Sequence',
      decoders: [
        fromSpaceMark,
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
      ...sentencePieceMerges(tokens, scores, isText),
    },
  };
}

function byteLevelParts(vocabulary: GgufVocabulary) {
  const { pattern, ignoreMerges } = preTokenizerOf(vocabulary.pre ?? 'default');
  return {
    normalizer: null,
    pre_tokenizer: {
      type: 'Sequence',
      pretokenizers: [
        ...pattern.map((Regex) => ({ type: 'Split', pattern: { Regex }, behavior: 'Isolated', invert: false })),
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
    },
  };
}

function modelParts(tokens: readonly string[]) {
  // An object without a prototype can hold a token named "__proto__".
  const vocab: Record<string, number> = Object.create(null);
  for (let id = 0; id < tokens.length; id++) vocab[tokens[id]] = id;
  return { type: 'BPE', dropout: null, continuing_subword_prefix: null, end_of_word_suffix: null, vocab };
}
