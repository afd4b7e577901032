import type { TextSpec } from '../model/text-spec.js';

/** The text side of a store. It is the same for every kind of checkpoint. */
export interface StoredText {
  /** In the format of Hugging Face's tokenizer.json. */
  tokenizer: Record<string, unknown>;
  /** A Jinja template; null where the model has none. */
  chatTemplate: string | null;
  /** In the format of Hugging Face's generation_config.json: the sampling that the model's makers advise. */
  generationConfig: Record<string, unknown> | null;
  text: TextSpec;
}
