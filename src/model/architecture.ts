import type { Fields } from './fields.js';
import type { ModelSpec } from './spec.js';

/** Rows of a matrix that a checkpoint keeps inside a larger one: groups of as many rows each, in flashrow's order. */
export interface RowGroups {
  /** Rows of the larger matrix. */
  sourceRows: number;
  rowsPerGroup: number;
  /** The row at which each group begins in the larger matrix. */
  firstRows: readonly number[];
}

/** The place of a tensor in a checkpoint, and its layout there. The forms exclude each other. */
export type TensorSource = {
  /** Its name in the checkpoint. Only messages use it where `parts` names the tensors. */
  sourceName: string;
  /** Its shape in the checkpoint. Default: the tensor's own shape. */
  sourceShape?: readonly number[];
} & (WholeTensor | TensorInParts | TransposedStack | PackedMxfp4Stack);

/** Row after row. This is the default. */
interface WholeTensor extends Interleaved {
  layout?: 'rows';
  parts?: undefined;
}

interface TensorInParts {
  layout?: 'rows';
  interleaved?: undefined;
  /** The tensors that make up a stack, one name for each matrix; or a matrix; or rows of a larger matrix. */
  parts: readonly string[] | PartsOfMatrix | RowGroups;
}

/** The tensors that make up a matrix: `rowsPerPart` rows each, and what is left in the last one. */
export interface PartsOfMatrix {
  names: readonly string[];
  rowsPerPart: number;
}

/** Each matrix of a stack lies column by column. */
interface TransposedStack extends Interleaved {
  layout: 'transposed';
}

/** `sourceName` holds the nibbles of MXFP4 only. Their scales are in a tensor of their own. */
interface PackedMxfp4Stack extends Interleaved {
  layout: 'packed-mxfp4';
  scalesSourceName: string;
}

interface Interleaved {
  /**
   * The rows of two matrices (or the values of two vectors) alternate in one tensor. This is the first or the second.
   */
  interleaved?: 0 | 1;
}

/** A tensor that a model must have. */
export type ExpectedTensor = TensorSource & {
  /** flashrow's own name (tensor-names.ts). */
  name: string;
  /** [rows, columns], or [length]; [experts, rows, columns] for a stack. */
  shape: number[];
};

/** A checkpoint's configuration in flashrow's terms. */
export interface ModelDescription {
  spec: ModelSpec;
  /** Lazy: with an absurd number of layers the search ends at the first tensor that is missing. */
  tensors: Iterable<ExpectedTensor>;
  /** True for a tensor that may be there and is not needed. To leave out any other tensor would change the result. */
  ignores(sourceName: string): boolean;
}

/** The tensors of a checkpoint, for facts that its configuration does not state. */
export interface SourceTensors {
  /** [rows, columns] or [length]; null where there is no such tensor. */
  shape(sourceName: string): readonly number[] | null;
  /** All values of a small tensor. */
  floats(sourceName: string): Float32Array;
}

/** The tensors of a Hugging Face folder, for facts that config.json does not state. */
export interface FolderTensors {
  /** [rows, columns] or [length]; null where there is no such tensor. */
  shape(sourceName: string): readonly number[] | null;
  /** All values of a short list of 64-bit integers. Throws CORRUPT where there is none, or one of another type. */
  integers(sourceName: string): bigint[];
}

/**
 * One file per architecture in families/: how its checkpoints describe it, and how they name its tensors.
 * Both readers throw CORRUPT or UNSUPPORTED.
 */
export interface Architecture {
  /** The name in `ModelSpec.architecture`, which stores keep. */
  name: string;
  /** `architectures` in config.json. */
  huggingFaceClasses: readonly string[];
  /** `general.architecture` in a GGUF file; null where no GGUF file is known. */
  ggufName: string | null;
  /** True for a mixture of experts. This tells two architectures of the same GGUF name apart. */
  mixture: boolean;
  /** `holds` says whether the checkpoint has a tensor of that name. */
  fromHuggingFace(
    name: string,
    config: Fields,
    holds: (sourceName: string) => boolean,
    folder: FolderTensors,
  ): ModelDescription;
  fromGguf(name: string, metadata: Fields, tensors: SourceTensors): ModelDescription;
}
