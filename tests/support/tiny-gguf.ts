/** Writes GGUF files small enough to break in every place. */

export type Entry = [key: string, type: number, value: unknown];
export interface Tensor {
  name: string | Buffer;
  /** Row length first. */
  dimensions: (number | bigint)[];
  type: number;
  /** Default: behind the one before. */
  offset?: number | bigint;
  bytes: number;
}
export interface Gguf {
  version: number;
  numTensors?: bigint;
  numEntries?: bigint;
  alignment: number;
  entries: Entry[];
  tensors: Tensor[];
}

export const TYPES = {
  u8: 0,
  i8: 1,
  u16: 2,
  i16: 3,
  u32: 4,
  i32: 5,
  f32: 6,
  bool: 7,
  string: 8,
  array: 9,
  u64: 10,
  i64: 11,
  f64: 12,
};
/** A list: its element type, its values, and the length it claims. */
export const list = (type: number, values: unknown[], length = BigInt(values.length)) => ({ type, values, length });

const sized = (bytes: number, write: (buffer: Buffer) => void) => {
  const buffer = Buffer.alloc(bytes);
  write(buffer);
  return buffer;
};
const u32 = (value: number) => sized(4, (b) => b.writeUInt32LE(value));
const u64 = (value: number | bigint) => sized(8, (b) => b.writeBigUInt64LE(BigInt(value)));
const text = (value: string | Buffer) => {
  const bytes = Buffer.from(value as string);
  return Buffer.concat([u64(bytes.length), bytes]);
};

function encode(type: number, value: unknown): Buffer {
  if (Buffer.isBuffer(value)) return value;
  const number = value as number;
  switch (type) {
    case TYPES.u8:
    case TYPES.bool:
      return sized(1, (b) => b.writeUInt8(Number(value)));
    case TYPES.i32:
      return sized(4, (b) => b.writeInt32LE(number));
    case TYPES.u32:
      return u32(number);
    case TYPES.f32:
      return sized(4, (b) => b.writeFloatLE(number));
    case TYPES.u64:
      return u64(value as bigint);
    case TYPES.i64:
      return sized(8, (b) => b.writeBigInt64LE(value as bigint));
    case TYPES.f64:
      return sized(8, (b) => b.writeDoubleLE(number));
    case TYPES.string:
      return text(value as string);
    case TYPES.array: {
      const { type: inner, values, length } = value as ReturnType<typeof list>;
      return Buffer.concat([u32(inner), u64(length), ...values.map((entry) => encode(inner, entry))]);
    }
    default:
      return u32(0);
  }
}

export function writeGguf(gguf: Gguf): { file: Buffer; headerBytes: number } {
  const infos: Buffer[] = [];
  let end = 0;
  for (const { name, dimensions, type, offset, bytes } of gguf.tensors) {
    infos.push(text(name), u32(dimensions.length), ...dimensions.map(u64), u32(type), u64(offset ?? end));
    end = Math.ceil((end + bytes) / gguf.alignment) * gguf.alignment;
  }
  const header = Buffer.concat([
    Buffer.from('GGUF'),
    u32(gguf.version),
    u64(gguf.numTensors ?? BigInt(gguf.tensors.length)),
    u64(gguf.numEntries ?? BigInt(gguf.entries.length)),
    ...gguf.entries.flatMap(([key, type, value]) => [text(key), u32(type), encode(type, value)]),
    ...infos,
  ]);
  const start = Math.ceil(header.length / gguf.alignment) * gguf.alignment;
  const data = sized(end, (b) => {
    for (let i = 0; i + 4 <= b.length; i += 4) b.writeFloatLE(Math.sin(i), i);
  });
  return { file: Buffer.concat([header, Buffer.alloc(start - header.length), data]), headerBytes: header.length };
}

/**
 * One layer, hidden 8, two heads of 4, one key/value head, 12 neurons, 16 tokens; all f32, with rope factors and
 * merges.
 */
export function tinyLlama(): Gguf {
  const tensor = (name: string, ...dimensions: number[]): Tensor => ({
    name,
    dimensions,
    type: 0,
    bytes: 4 * dimensions.reduce((a, b) => a * b),
  });
  return {
    version: 3,
    alignment: 32,
    entries: [
      ['general.architecture', TYPES.string, 'llama'],
      ['general.name', TYPES.string, 'tiny'],
      ['llama.context_length', TYPES.u32, 128],
      ['llama.embedding_length', TYPES.u32, 8],
      ['llama.block_count', TYPES.u32, 1],
      ['llama.feed_forward_length', TYPES.u32, 12],
      ['llama.attention.head_count', TYPES.u32, 2],
      ['llama.attention.head_count_kv', TYPES.u32, 1],
      ['llama.attention.layer_norm_rms_epsilon', TYPES.f32, 1e-5],
      ['llama.rope.dimension_count', TYPES.u32, 4],
      ['tokenizer.ggml.model', TYPES.string, 'gpt2'],
      ['tokenizer.ggml.pre', TYPES.string, 'gpt-2'],
      ['tokenizer.ggml.tokens', TYPES.array, list(TYPES.string, [...'abcdefghijklmnop'])],
      ['tokenizer.ggml.token_type', TYPES.array, list(TYPES.i32, new Array(16).fill(1))],
      ['tokenizer.ggml.merges', TYPES.array, list(TYPES.string, ['a b', 'c d'])],
      ['tokenizer.ggml.bos_token_id', TYPES.u32, 1],
      ['tokenizer.ggml.eos_token_id', TYPES.u32, 2],
      ['tokenizer.ggml.add_bos_token', TYPES.bool, 1],
      ['general.seed', TYPES.u64, 2n ** 63n],
    ],
    tensors: [
      tensor('token_embd.weight', 8, 16),
      tensor('blk.0.attn_norm.weight', 8),
      tensor('blk.0.attn_q.weight', 8, 8),
      tensor('blk.0.attn_k.weight', 8, 4),
      tensor('blk.0.attn_v.weight', 8, 4),
      tensor('blk.0.attn_output.weight', 8, 8),
      tensor('blk.0.ffn_norm.weight', 8),
      tensor('blk.0.ffn_gate.weight', 8, 12),
      tensor('blk.0.ffn_up.weight', 8, 12),
      tensor('blk.0.ffn_down.weight', 12, 8),
      tensor('output_norm.weight', 8),
    ],
  };
}
