import { readFileSync } from 'node:fs';
import { type Entry, type Tensor, TYPES, writeGguf } from './tiny-gguf.js';

/** A tensor with its values; the outer axis comes first, as in safetensors. */
export interface Values {
  shape: readonly number[];
  values: Float32Array;
}

/** The tensors of a file of safetensors in f32. */
export function readSafetensors(path: string): Map<string, Values> {
  const file = readFileSync(path);
  const start = 8 + Number(file.readBigUInt64LE(0));
  const header = JSON.parse(file.subarray(8, start).toString());
  const tensors = new Map<string, Values>();
  for (const [name, info] of Object.entries(header)) {
    if (name === '__metadata__') continue;
    const { shape, data_offsets: offsets } = info as { shape: number[]; data_offsets: [number, number] };
    const bytes = file.subarray(start + offsets[0], start + offsets[1]);
    tensors.set(name, { shape, values: new Float32Array(Uint8Array.from(bytes).buffer) });
  }
  return tensors;
}

const F32 = 0;
const F16 = 1;
const Q8_0 = 8;

/** The nearest half, as 16 bits. Values are neither as large nor as small that halves end there. */
function half(value: number): number {
  const float = new Float32Array([value]);
  const bits = new Uint32Array(float.buffer)[0];
  const sign = (bits >>> 16) & 0x8000;
  const exponent = ((bits >>> 23) & 0xff) - 112;
  if (exponent <= 0) return sign;
  const rest = bits & 0x7fffff;
  const rounded = (exponent << 10) + (rest >> 13);
  const tail = rest & 0x1fff;
  return sign | (tail > 0x1000 || (tail === 0x1000 && rounded & 1) ? rounded + 1 : rounded);
}

function halves(values: Float32Array): Buffer {
  return Buffer.from(Uint16Array.from(values, half).buffer);
}

/** Blocks of 32: a half d, and whole numbers q, so that a value is d * q (ggml-quants.c, quantize_row_q8_0_ref). */
function blocks(values: Float32Array): Buffer {
  const bytes = Buffer.alloc((values.length / 32) * 34);
  for (let block = 0; block * 32 < values.length; block++) {
    const some = values.subarray(block * 32, block * 32 + 32);
    const d = some.reduce((most, value) => Math.max(most, Math.abs(value)), 0) / 127;
    bytes.writeUInt16LE(half(d), block * 34);
    for (let i = 0; i < 32; i++) bytes.writeInt8(d === 0 ? 0 : Math.round(some[i] / d), block * 34 + 2 + i);
  }
  return bytes;
}

/** How a file holds its weights: vectors stay in f32, and so does what no block of 32 fits. */
export type Weights = 'f32' | 'f16' | 'q8_0';

function encoded({ shape, values }: Values, weights: Weights): { type: number; data: Buffer } {
  const plain = { type: F32, data: Buffer.from(Float32Array.from(values).buffer) };
  if (shape.length < 2 || weights === 'f32') return plain;
  if (weights === 'f16') return { type: F16, data: halves(values) };
  return shape.at(-1)! % 32 === 0 ? { type: Q8_0, data: blocks(values) } : plain;
}

/** A GGUF file of tensors by their names in it. */
export function ggufOf(
  entries: readonly Entry[],
  tensors: ReadonlyMap<string, Values>,
  weights: Weights = 'f32',
): Buffer {
  const alignment = 32;
  const written = [...tensors].map(([name, tensor]) => ({ name, tensor, ...encoded(tensor, weights) }));
  const infos = written.map(
    ({ name, tensor, type, data }): Tensor => ({
      name,
      dimensions: tensor.shape.toReversed(),
      type,
      bytes: data.length,
    }),
  );
  const { file, headerBytes } = writeGguf({ version: 3, alignment, entries: [...entries], tensors: infos });
  let at = Math.ceil(headerBytes / alignment) * alignment;
  for (const { data } of written) {
    data.copy(file, at);
    at = Math.ceil((at + data.length) / alignment) * alignment;
  }
  return file;
}

/** Metadata by its values: whole numbers are u32, unless `floats` names their key. */
export function entriesOf(
  values: Readonly<Record<string, string | boolean | number | readonly unknown[]>>,
  floats: RegExp = /epsilon|mean|std|base/,
): Entry[] {
  const typeOf = (key: string, value: unknown) => {
    if (typeof value === 'string') return TYPES.string;
    if (typeof value === 'boolean') return TYPES.bool;
    return floats.test(key) ? TYPES.f32 : TYPES.u32;
  };
  return Object.entries(values).map(([key, value]): Entry => {
    if (!Array.isArray(value)) return [key, typeOf(key, value), value];
    return [key, TYPES.array, { type: typeOf(key, value[0]), values: value, length: BigInt(value.length) }];
  });
}
