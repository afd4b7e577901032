import { FORMATS, isRowFormat } from '../../native-bridge/formats.js';
import { FlashrowError, shown } from '../errors.js';
import type { CheckpointTensor, TensorFormat } from './checkpoint.js';
import { FOREIGN_FORMATS } from './foreign-formats.js';

/** A tensor as its file describes it, before anybody knows what it is for. */
export interface SourceTensor extends Omit<CheckpointTensor, 'name' | 'format'> {
  /** The file's own word for the element type. */
  type: string;
  /** Null where flashrow cannot read that type. */
  format: TensorFormat | null;
}

export const isReadable = (tensor: SourceTensor): tensor is SourceTensor & { format: TensorFormat } =>
  tensor.format !== null;

/** Weights in a block, and its bytes. */
export function blockOf(format: TensorFormat): { blockSize: number; blockBytes: number } {
  return isRowFormat(format) ? FORMATS[format] : FOREIGN_FORMATS[format];
}

/** Throws CORRUPT where a tensor lies outside its file or two share bytes. Holes are allowed. */
export function checkPlacement(path: string, fileBytes: number, tensors: readonly SourceTensor[]): void {
  const byOffset = tensors.toSorted((a, b) => a.offset - b.offset || a.bytes - b.bytes);
  let end = 0;
  let previous = '';
  for (const { sourceName: name, offset, bytes } of byOffset) {
    if (offset + bytes > fileBytes)
      throw damaged(
        path,
        name,
        `should lie at bytes ${offset} to ${offset + bytes}, but the file ends at ${fileBytes}; fetch it again`,
      );
    if (offset < end) throw damaged(path, name, `overlaps tensor ${shown(previous)}`);
    end = offset + bytes;
    previous = name;
  }
}

export const damaged = (path: string, tensor: string, problem: string) =>
  new FlashrowError('CORRUPT', `${path}: tensor ${shown(tensor)} ${problem}`, { path, tensor });
