import type { GgufVocabulary } from '../../import/checkpoint.js';
import type { TextSpec } from '../../model/text-spec.js';
import { CONTROL_NAMES, ggufEnds } from '../end-tokens.js';
import { preTokenizerName, preTokenizerOf } from './gguf-pre-tokenizers.js';

/** GGML's token types (ggml/include/gguf.h and src/llama-vocab.h of llama.cpp). */
const UNKNOWN = 2;
const CONTROL = 3;
const USER_DEFINED = 4;

/** The ids of llama.cpp for a file that names none: SentencePiece's own, and Falcon's for byte-level BPE. */
const DEFAULT_IDS = { llama: { bos: 1, eos: 2, unknown: 0 }, gpt2: { bos: 11, eos: 11, unknown: -1 } };

const BOS_ALL_THE_SAME =
  'the file says that no BOS comes before a text (tokenizer.ggml.add_bos_token); the model needs it, so it gets one, as in llama.cpp';

/** The tokens of a GGUF vocabulary that are more than text, by llama.cpp's rules (src/llama-vocab.cpp). */
export class GgufSpecialTokens {
  readonly text: TextSpec;
  readonly unknownId: number | null;
  readonly #vocabulary: GgufVocabulary;
  /** True where the type of the token makes it special. Text never becomes such a token by itself. */
  readonly #special: (id: number) => boolean;

  constructor(vocabulary: GgufVocabulary) {
    const { tokens, types, addBos, addEos } = vocabulary;
    this.#vocabulary = vocabulary;
    this.#special = (id) => types[id] === CONTROL || types[id] === UNKNOWN || CONTROL_NAMES.has(tokens[id]);
    const pre = vocabulary.model === 'llama' ? null : preTokenizerOf(preTokenizerName(vocabulary));
    const bosId = vocabulary.bosId ?? (pre?.noDefaultBos ? null : this.#defaultId('bos'));
    const eosId = vocabulary.eosId ?? this.#defaultId('eos');
    this.unknownId = vocabulary.unknownId ?? this.#defaultId('unknown');
    const ids = new Map(tokens.map((token, id) => [token, id]));
    const always = pre?.alwaysBos === true;
    const wanted = { bos: always || (addBos ?? pre?.addBos ?? true), eos: addEos ?? false };
    const warnings = [
      ...vocabulary.warnings,
      ...(always && addBos === false ? [BOS_ALL_THE_SAME] : []),
      ...warningsOf(vocabulary, wanted, { bosId, eosId }),
    ];
    this.text = {
      bosId,
      eosIds: ggufEnds((token) => ids.get(token) ?? null, { ...vocabulary, eosId }),
      addBos: bosId !== null && wanted.bos,
      addEos: eosId !== null && wanted.eos,
      ...(vocabulary.suppressedIds.length > 0 && { suppressedIds: vocabulary.suppressedIds }),
      ...(warnings.length > 0 && { warnings }),
    };
  }

  /** An id that the file does not name, where the token of that id can be what it would stand for. */
  #defaultId(task: 'bos' | 'eos' | 'unknown'): number | null {
    const { model, types } = this.#vocabulary;
    if (model === 'gemma4') return null;
    const id = DEFAULT_IDS[model === 'llama' ? 'llama' : 'gpt2'][task];
    if (types.length === 0 && model === 'llama') return id < this.#vocabulary.tokens.length ? id : null;
    return types[id] === (task === 'unknown' ? UNKNOWN : CONTROL) ? id : null;
  }

  /** tokenizer.json's `added_tokens`. */
  added(): Record<string, unknown>[] {
    const { tokens, types } = this.#vocabulary;
    const strips = stripsOf(this.#vocabulary);
    return tokens.flatMap((content, id) => {
      const special = this.#special(id);
      if (!special && types[id] !== USER_DEFINED) return [];
      return [{ id, content, single_word: false, ...strips(content), normalized: false, special }];
    });
  }

  /** True for tokens that text may become. */
  isText(id: number): boolean {
    const type = this.#vocabulary.types[id];
    return type !== CONTROL && type !== UNKNOWN;
  }
}

function warningsOf(
  { model, pre }: GgufVocabulary,
  wanted: { bos: boolean; eos: boolean },
  { bosId, eosId }: { bosId: number | null; eosId: number | null },
): string[] {
  const warnings: string[] = [];
  if (model === 'gpt2' && pre === null)
    warnings.push(
      'the GGUF names no pre-tokenizer (tokenizer.ggml.pre), so text is cut by a default, perhaps not as the model was trained; convert the model again with a newer converter',
    );
  if (wanted.bos && bosId === null)
    warnings.push('the vocabulary asks for a BOS before a text and names none (tokenizer.ggml.bos_token_id)');
  if (wanted.eos && eosId === null)
    warnings.push('the vocabulary asks for an EOS after a text and names none (tokenizer.ggml.eos_token_id)');
  return warnings;
}

interface Strips {
  lstrip: boolean;
  rstrip: boolean;
}

/** Tokens of Phi-3 that leave the white space after them alone. */
const PHI_3_KEEPS: readonly string[] = ['<unk>', '<s>', '<|endoftext|>'];

/**
 * The white space that a token takes along. GGUF cannot say it, so llama.cpp goes by `general.name`. Its other names
 * (jina-v2, nomic-bert-moe) are those of models without a vocabulary that is read here.
 */
function stripsOf({ name }: GgufVocabulary): (token: string) => Strips {
  const model = (name ?? '').toLowerCase();
  if (model.includes('phi-3') || model.includes('phi3'))
    return (token) => ({ lstrip: false, rstrip: !PHI_3_KEEPS.includes(token) });
  if (model.includes('modern-bert')) return (token) => ({ lstrip: token === '[MASK]', rstrip: false });
  return () => ({ lstrip: false, rstrip: false });
}
