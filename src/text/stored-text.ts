import type { Vocabulary } from '../import/checkpoint.js';
import { textFromGguf } from './from-gguf.js';
import { textFromHuggingFace } from './from-hugging-face.js';

/** What the text side of a store holds, whatever checkpoint it came from. */
export interface StoredText {
  /** In the format of Hugging Face's tokenizer.json. */
  tokenizer: Record<string, unknown>;
  chatTemplate: string | null;
  /** In the format of Hugging Face's generation_config.json: how its makers would draw from the model. */
  generationConfig: Record<string, unknown> | null;
  text: {
    bosId: number | null;
    /** Any of these ends a generation. */
    eosIds: number[];
    addBos: boolean;
    addEos: boolean;
  };
}

/** Brings a checkpoint's vocabulary into the one format that `loadTokenizer` reads. Throws UNSUPPORTED or CORRUPT. */
export const storedText = (vocabulary: Vocabulary): StoredText =>
  vocabulary.kind === 'gguf' ? textFromGguf(vocabulary) : textFromHuggingFace(vocabulary);
