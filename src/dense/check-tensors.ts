import * as fs from 'node:fs';
import { FORMATS, rowBytes } from '../../native-bridge/formats.js';
import { FlashrowError } from '../errors.js';
import { residentTensors } from '../model/resident-tensors.js';
import type { ModelSpec } from '../model/spec.js';
import { EMBEDDING, HEAD } from '../model/tensor-names.js';
import { openFile, type TensorOnDisk, type TensorShape } from './tensor-on-disk.js';

/** The name of the matrix [vocabSize, hiddenSize] that turns the last hidden state into logits. */
export const headName = (spec: ModelSpec): string => (spec.tiedEmbeddings ? EMBEDDING : HEAD);

/** Finds a tensor by its name. Throws CORRUPT if there is none. */
export function tensorNamed<T extends TensorShape>(tensors: ReadonlyMap<string, T>, name: string): T {
  const tensor = tensors.get(name);
  if (!tensor)
    throw new FlashrowError('CORRUPT', `the model has no tensor ${name}; fetch or convert it again`, { tensor: name });
  return tensor;
}

/** Throws CORRUPT if a tensor is missing, or has another shape than the spec says. */
export function checkShapes(spec: ModelSpec, tensors: ReadonlyMap<string, TensorShape>): void {
  for (const [name, expected] of residentTensors(spec)) {
    const { shape, format } = tensorNamed(tensors, name);
    const columns = expected[expected.length - 1];
    if (shape.join() !== expected.join()) {
      throw damaged(name, `is [${shape}], but the model's configuration asks for [${expected}]`);
    }
    if (columns % FORMATS[format].blockSize !== 0) {
      throw damaged(name, `has rows of ${columns}, which are not whole ${format} blocks`);
    }
  }
}

/** Throws CORRUPT if a tensor has another size than its shape and format say, or goes on beyond its file's end. */
export function checkExtents(tensors: ReadonlyMap<string, TensorOnDisk>, names: Iterable<string>): void {
  const fileSizes = new Map<string, number>();
  for (const name of names) {
    const { path, shape, format, offset, bytes } = tensorNamed(tensors, name);
    const [rows, columns] = shape.length === 2 ? shape : [1, shape[0]];
    const expected = rows * rowBytes(format, columns);
    if (bytes !== expected) throw damaged(name, `takes ${bytes} bytes of ${path} where ${expected} are expected`);
    const size = fileSizes.get(path) ?? fileSize(path);
    fileSizes.set(path, size);
    if (offset + bytes > size) throw damaged(name, `ends at byte ${offset + bytes} of ${path}, which has ${size}`);
  }
}

const damaged = (tensor: string, what: string) =>
  new FlashrowError('CORRUPT', `tensor ${tensor} ${what}; fetch or convert the model again`, { tensor });

function fileSize(path: string): number {
  const fd = openFile(path);
  try {
    return fs.fstatSync(fd).size;
  } finally {
    fs.closeSync(fd);
  }
}
