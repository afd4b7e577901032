import type { FolderTensors, PartsOfMatrix } from './architecture.js';
import type { CheckpointNames } from './checkpoint-names.js';
import type { FusedRows } from './expected-tensors.js';
import type { Fields } from './fields.js';
import type { ModelSpec, RotarySpec } from './spec.js';
import type { LayerTensor } from './tensor-names.js';

/** What the Hugging Face folders of a family do in their own way (transformers). */
export interface HuggingFaceFamily {
  /** The file's names of fields that mostly go by others, as in { rms_norm_eps: 'norm_eps' }. */
  fields?: Readonly<Record<string, string>>;
  /** Fields that a file may leave out, and what they are then, where that is not the usual. */
  defaults?: Readonly<Record<string, unknown>>;
  /** Fields that change the result, each with the only value that is supported. A file may leave them out. */
  only?: Readonly<Record<string, unknown>>;
  /** Default `halves`. */
  rotary?: RotarySpec['layout'];
  /** Names that differ from the usual. */
  renamed?: Partial<Record<LayerTensor, string>>;
  embedding?: string;
  finalNorm?: string;
  /** The tensors outside the layers that mix several residual streams. Default: none. */
  streams?(spec: Pick<ModelSpec, 'ngrams'>): CheckpointNames['streams'];
  /** Names of further tensors that a run does not need. */
  ignored?: RegExp;
  /** Matrices whose rows are parts of a larger one. */
  rows?(spec: ModelSpec): FusedRows;
  /** Shapes of vectors that are not [length]. */
  shapes?: Partial<Record<LayerTensor, (length: number) => number[]>>;
  /** Traits that config.json says in this family's own fields; `spec` is what the usual ones say. */
  traits?(config: Fields, spec: ModelSpec, folder: FolderTensors): Partial<ModelSpec>;
  /** The tensors that make up the table of n-grams; null where it is one. */
  ngramParts?(spec: ModelSpec, folder: FolderTensors): PartsOfMatrix | null;
}
