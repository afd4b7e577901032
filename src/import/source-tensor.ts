import { FlashrowError, shown } from '../errors.js';
import type { CheckpointTensor } from './checkpoint.js';
import type { TensorFormat } from './tensor-format.js';

/** A tensor as its file describes it. Its purpose is not known yet. */
export interface SourceTensor extends Pick<CheckpointTensor, 'sourceName' | 'shape' | 'path' | 'offset' | 'bytes'> {
  /** The file's own word for the element type. */
  type: string;
  /** Null where flashrow cannot read that type. */
  format: TensorFormat | null;
}

export type ReadableSourceTensor = SourceTensor & { format: TensorFormat };

export const isReadable = (tensor: SourceTensor): tensor is ReadableSourceTensor => tensor.format !== null;

/** Throws CORRUPT where a tensor lies outside its file or shares bytes with another one. Gaps are allowed. */
export function checkPlacement(path: string, fileBytes: number, tensors: readonly SourceTensor[]): void {
  const byOffset = tensors.toSorted((a, b) => a.offset - b.offset || a.bytes - b.bytes);
  let end = 0;
  let previous = '';
  for (const { sourceName: name, offset, bytes } of byOffset) {
    if (offset + bytes > fileBytes)
      throw damagedTensor(
        path,
        name,
        `should lie at bytes ${offset} to ${offset + bytes}, but the file ends at ${fileBytes}; fetch it again`,
      );
    if (offset < end) throw damagedTensor(path, name, `overlaps tensor ${shown(previous)}`);
    end = offset + bytes;
    previous = name;
  }
}

export const damagedTensor = (path: string, tensor: string, problem: string) =>
  new FlashrowError('CORRUPT', `${path}: tensor ${shown(tensor)} ${problem}`, { path, tensor });

/** A tensor that is sound, but that flashrow cannot use. */
export const unsupportedTensor = (tensor: SourceTensor, problem: string) =>
  new FlashrowError('UNSUPPORTED', `${tensor.path}: tensor ${shown(tensor.sourceName)} ${problem}`, {
    path: tensor.path,
    tensor: tensor.sourceName,
    type: tensor.type,
  });
