/** Weight formats that have kernels. Block formats are GGML's, bit for bit (ggml-quants.h documents them). */
export type RowFormat = WritableFormat | ReadOnlyFormat;

/** Those that only come ready made. */
export type ReadOnlyFormat =
  | 'q5_0'
  | 'q5_1'
  | 'q2_K'
  | 'q3_K'
  | 'q4_K'
  | 'q5_K'
  | 'q6_K'
  | 'iq4_nl'
  | 'iq4_xs'
  | 'bf16'
  | 'mxfp4';

/** Those that floats can be rounded to here. */
export type WritableFormat = 'f32' | 'f16' | 'q8_0' | 'q4_0' | 'q4_1';
export const WRITABLE_FORMATS: readonly WritableFormat[] = ['f32', 'f16', 'q4_0', 'q4_1', 'q8_0'];

export interface FormatTraits {
  /** Weights in one block; a row holds whole blocks. */
  blockSize: number;
  blockBytes: number;
  /** The number the native side knows the format by (GGML's type id). */
  id: number;
}

export const FORMATS: Readonly<Record<RowFormat, FormatTraits>> = {
  f32: { blockSize: 1, blockBytes: 4, id: 0 },
  f16: { blockSize: 1, blockBytes: 2, id: 1 },
  q4_0: { blockSize: 32, blockBytes: 18, id: 2 },
  q4_1: { blockSize: 32, blockBytes: 20, id: 3 },
  q5_0: { blockSize: 32, blockBytes: 22, id: 6 },
  q5_1: { blockSize: 32, blockBytes: 24, id: 7 },
  q8_0: { blockSize: 32, blockBytes: 34, id: 8 },
  q2_K: { blockSize: 256, blockBytes: 84, id: 10 },
  q3_K: { blockSize: 256, blockBytes: 110, id: 11 },
  q4_K: { blockSize: 256, blockBytes: 144, id: 12 },
  q5_K: { blockSize: 256, blockBytes: 176, id: 13 },
  q6_K: { blockSize: 256, blockBytes: 210, id: 14 },
  iq4_nl: { blockSize: 32, blockBytes: 18, id: 20 },
  iq4_xs: { blockSize: 256, blockBytes: 136, id: 23 },
  bf16: { blockSize: 1, blockBytes: 2, id: 30 },
  mxfp4: { blockSize: 32, blockBytes: 17, id: 39 },
};

/** Bytes of one row of `columns` weights. Throws RangeError where the row does not hold whole blocks. */
export function rowBytes(format: RowFormat, columns: number): number {
  const { blockSize, blockBytes } = FORMATS[format];
  if (columns % blockSize !== 0)
    throw new RangeError(`a ${format} row holds blocks of ${blockSize}, not ${columns} weights`);
  return (columns / blockSize) * blockBytes;
}

export const isWritableFormat = (name: string): name is WritableFormat =>
  WRITABLE_FORMATS.some((format) => format === name);

export const isRowFormat = (name: string): name is RowFormat => Object.hasOwn(FORMATS, name);
