import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs';
import { FORMATS, type RowFormat, rowBytes } from '../../native-bridge/formats.js';

/* A GGUF file, version 3 (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md), written tensor by tensor. */

const VERSION = 3;
const ALIGNMENT = 32;

/** Types of metadata values. */
const U32 = 4;
const I32 = 5;
const F32 = 6;
const STRING = 8;
const ARRAY = 9;

export interface GgufTensor {
  name: string;
  /** The row length comes first. */
  dimensions: number[];
  format: RowFormat;
}

export type GgufEntry = [key: string, type: number, value: Buffer];

export const u32 = (key: string, value: number): GgufEntry => [key, U32, word(value)];
export const f32 = (key: string, value: number): GgufEntry => [key, F32, float(value)];
export const text = (key: string, value: string): GgufEntry => [key, STRING, string(value)];
export const texts = (key: string, values: readonly string[]): GgufEntry => list(key, STRING, values.map(string));
export const floats = (key: string, values: readonly number[]): GgufEntry => list(key, F32, values.map(float));
export const integers = (key: string, values: readonly number[]): GgufEntry => list(key, I32, values.map(word));

const word = (value: number) => Buffer.from(Uint32Array.of(value).buffer);
const float = (value: number) => Buffer.from(Float32Array.of(value).buffer);
const long = (value: number) => Buffer.from(BigUint64Array.of(BigInt(value)).buffer);
const string = (value: string) => Buffer.concat([long(Buffer.byteLength(value)), Buffer.from(value)]);
const list = (key: string, type: number, items: Buffer[]): GgufEntry => [
  key,
  ARRAY,
  Buffer.concat([word(type), long(items.length), ...items]),
];

const aligned = (bytes: number) => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;

export const tensorBytes = ({ dimensions, format }: GgufTensor) =>
  rowBytes(
    format,
    dimensions.reduce((a, b) => a * b),
  );

/**
 * Writes a new file and returns its bytes; the file is safe on disk then. `contentsOf` yields a tensor's `tensorBytes`
 * in pieces of any size. Throws where the path exists.
 */
export function writeGguf<Tensor extends GgufTensor>(
  path: string,
  entries: readonly GgufEntry[],
  tensors: readonly Tensor[],
  contentsOf: (tensor: Tensor) => Iterable<Uint8Array>,
): number {
  const file = openSync(path, 'wx');
  let written = 0;
  const write = (bytes: Uint8Array) => {
    for (let done = 0; done < bytes.length; ) done += writeSync(file, bytes, done);
    written += bytes.length;
  };
  const align = () => write(Buffer.alloc(aligned(written) - written));
  try {
    write(header(entries, tensors));
    align();
    for (const tensor of tensors) {
      for (const piece of contentsOf(tensor)) write(piece);
      align();
    }
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  return written;
}

function header(entries: readonly GgufEntry[], tensors: readonly GgufTensor[]): Buffer {
  let offset = 0;
  const infos = tensors.map((tensor) => {
    const { name, dimensions, format } = tensor;
    const start = long(offset);
    offset = aligned(offset + tensorBytes(tensor));
    return Buffer.concat([
      string(name),
      word(dimensions.length),
      ...dimensions.map(long),
      word(FORMATS[format].id),
      start,
    ]);
  });
  return Buffer.concat([
    Buffer.from('GGUF'),
    word(VERSION),
    long(tensors.length),
    long(entries.length),
    ...entries.flatMap(([key, type, value]) => [string(key), word(type), value]),
    ...infos,
  ]);
}
