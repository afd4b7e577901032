import { shown } from '../errors.js';
import { GGML_BLOCKS } from './gguf-types.js';
import {
  damagedTensor,
  isReadable,
  type ReadableSourceTensor,
  type SourceTensor,
  unsupportedTensor,
} from './source-tensor.js';
import { blockOf } from './tensor-format.js';

/** The tensors of a checkpoint's files by name. Notes which ones a model uses. */
export class SourceTensorTable {
  readonly #path: string;
  readonly #tensors: ReadonlyMap<string, SourceTensor>;
  readonly #used = new Set<string>();

  /** `path` is the checkpoint's, for messages. */
  constructor(path: string, tensors: ReadonlyMap<string, SourceTensor>) {
    this.#path = path;
    this.#tensors = tensors;
  }

  /** The tensor of that name. Throws CORRUPT without it or for another shape, UNSUPPORTED for another format. */
  readable(name: string, shape: readonly number[]): ReadableSourceTensor {
    const source = this.#ofShape(name, shape);
    if (!isReadable(source))
      throw unsupportedTensor(
        source,
        `is of type ${source.type}; supported: F32, F16, BF16; in GGUF files ${GGML_BLOCKS.join(', ')} too`,
      );
    if (shape.length === 1 && blockOf(source.format).blockSize > 1)
      throw unsupportedTensor(source, `is of type ${source.type}, which no vector is`);
    return source;
  }

  has(name: string): boolean {
    return this.#tensors.has(name);
  }

  /** A tensor of plain bytes. Throws as `readable` does. */
  bytes(name: string, shape: readonly number[]): SourceTensor {
    const source = this.#ofShape(name, shape);
    if (source.type !== 'U8') throw unsupportedTensor(source, `is of type ${source.type}; MXFP4 as U8 was expected`);
    return source;
  }

  /** Tensors that nobody has asked for yet. */
  *unused(): Generator<SourceTensor> {
    for (const tensor of this.#tensors.values()) if (!this.#used.has(tensor.sourceName)) yield tensor;
  }

  /** Accepts a vector as a matrix of one row. */
  #ofShape(name: string, shape: readonly number[]): SourceTensor {
    const source = this.#tensors.get(name);
    if (!source) throw damagedTensor(this.#path, name, `is missing; a shape of ${shown(shape)} was expected`);
    const sizes = source.shape.length === 1 && shape.length === 2 ? [1, ...source.shape] : source.shape;
    if (sizes.length !== shape.length || sizes.some((size, axis) => size !== shape[axis]))
      throw damagedTensor(source.path, name, `is of shape ${shown(source.shape)}; ${shown(shape)} was expected`);
    this.#used.add(name);
    return source;
  }
}
