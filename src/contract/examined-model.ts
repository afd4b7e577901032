import type { ModelDescription } from './model-info.js';

/** What a source holds, found from its headers. */
export interface ExaminedModel extends ModelDescription {
  /** The file or folder that was examined: the place of a model that was named. */
  path: string;
  /** How the source is kept: flashrow's own store, a GGUF file, or a Hugging Face folder. */
  format: 'store' | 'gguf' | 'huggingface';
  /** The format of the streamed weights, like `q4_0` or `bf16`. */
  weightFormat: string;
  /** Bytes of the files that hold the weights. */
  bytes: number;
  /**
   * True where the streamed weights are read where they lie. False where `loadModel` first writes them to a store in
   * the cache folder: `planModel` says how many bytes, in `conversion`.
   */
  streamsInPlace: boolean;
}
