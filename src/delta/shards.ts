import type { FloatFormat, MergedTensor } from './merge-tensors.js';

/** A file of safetensors that a merge writes. */
export interface Shard {
  name: string;
  tensors: readonly MergedTensor[];
  /** Its beginning: the length of the JSON, and the JSON. */
  header: Uint8Array;
  bytes: number;
}

/** So much is done again at most where a merge was cut off. */
const SHARD_BYTES = 2 ** 30;
const DTYPES: Readonly<Record<FloatFormat, string>> = { f32: 'F32', f16: 'F16', bf16: 'BF16' };

/** Puts tensors into files of at most `most` bytes of data each, in order; a larger tensor has one for itself. */
export function shardsOf(tensors: readonly MergedTensor[], most = SHARD_BYTES): Shard[] {
  const groups: MergedTensor[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const tensor of tensors) {
    if (bytes + tensor.bytes > most) {
      groups.push([]);
      bytes = 0;
    }
    groups.at(-1)!.push(tensor);
    bytes += tensor.bytes;
  }
  const number = (value: number) => String(value).padStart(5, '0');
  return groups.map((group, at) => {
    const header = headerOf(group);
    return {
      name:
        groups.length === 1 ? 'model.safetensors' : `model-${number(at + 1)}-of-${number(groups.length)}.safetensors`,
      tensors: group,
      header,
      bytes: group.reduce((sum, tensor) => sum + tensor.bytes, header.length),
    };
  });
}

/** The names of the tensors and their files; null where one file holds all of them. */
export function indexOf(shards: readonly Shard[]): string | null {
  if (shards.length === 1) return null;
  const map = Object.fromEntries(shards.flatMap(({ name, tensors }) => tensors.map((tensor) => [tensor.name, name])));
  const total = shards.reduce((sum, { bytes, header }) => sum + bytes - header.length, 0);
  return `${JSON.stringify({ metadata: { total_size: total }, weight_map: map }, null, 2)}\n`;
}

function headerOf(tensors: readonly MergedTensor[]): Uint8Array {
  let end = 0;
  const entries = tensors.map(({ name, format, shape, bytes }) => {
    const start = end;
    end += bytes;
    return [name, { dtype: DTYPES[format], shape, data_offsets: [start, end] }] as const;
  });
  const json = Buffer.from(JSON.stringify({ __metadata__: { format: 'pt' }, ...Object.fromEntries(entries) }));
  // Readers map the data as numbers, so it begins at a multiple of eight.
  const padded = Math.ceil(json.length / 8) * 8;
  const header = Buffer.alloc(8 + padded, ' ');
  header.writeBigUInt64LE(BigInt(padded));
  json.copy(header, 8);
  return header;
}
