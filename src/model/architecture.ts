import type { Fields } from './fields.js';
import type { ModelSpec } from './spec.js';

/** A tensor that a model must have. */
export interface ExpectedTensor {
  /** flashrow's own name (tensor-names.ts). */
  name: string;
  /** Its name in the checkpoint. */
  sourceName: string;
  /** [rows, columns], or [length]; [experts, rows, columns] for a stack. */
  shape: number[];
  /** Its shape in the checkpoint, where that holds a vector as a matrix of rows one after another. */
  sourceShape?: readonly number[];
  /** Where a checkpoint keeps the matrices of a stack apart: each one's name there, expert by expert; `sourceName` is then for messages. */
  expertSourceNames?: readonly string[];
  /** Where `sourceName` holds MXFP4's nibbles alone: the tensor of their scales. */
  scalesSourceName?: string;
  /** Where the rows of two matrices, or the values of two vectors, take turns in a tensor of the checkpoint: which of the two this is. */
  turn?: 0 | 1;
  /** Where the checkpoint holds each matrix of a stack column by column. */
  transposed?: boolean;
  /** Where a checkpoint holds the rows of a matrix in the midst of a larger one, `sourceRows` high: groups of as many rows each, in our order. */
  rowGroups?: { sourceRows: number; rowsPerGroup: number; firstRows: readonly number[] };
}

/** What a checkpoint's configuration says, in flashrow's terms. */
export interface ModelDescription {
  spec: ModelSpec;
  /** Lazy, so that an absurd number of layers ends at the first tensor that is not there. */
  tensors: Iterable<ExpectedTensor>;
  /** Tensors that may be there and are not needed. Any other would change the result if it were left out. */
  ignores(sourceName: string): boolean;
}

/** The checkpoint's own tensors, for what a configuration leaves to them. */
export interface SourceTensors {
  /** [rows, columns] or [length]; null where there is no such tensor. */
  shape(sourceName: string): readonly number[] | null;
  /** All values of a small tensor. */
  floats(sourceName: string): Float32Array;
}

/** One file per architecture: how its checkpoints describe it, and what their tensors are called. Both throw CORRUPT or UNSUPPORTED. */
export interface Architecture {
  /** `architectures` in config.json. */
  huggingFaceClasses: readonly string[];
  /** `general.architecture` in a GGUF file. */
  ggufName: string | null;
  /** Whether it has experts: tells two of the same GGUF name apart. */
  mixture: boolean;
  /** `holds` says whether the checkpoint has a tensor of that name. */
  fromHuggingFace(name: string, config: Fields, holds: (sourceName: string) => boolean): ModelDescription;
  fromGguf(name: string, metadata: Fields, tensors: SourceTensors): ModelDescription;
}
