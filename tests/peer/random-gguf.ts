import { closeSync, openSync, writeSync } from 'node:fs';
import { quantize } from '../../dist/native-bridge/blocks.js';
import { FORMATS, rowBytes, type WritableFormat } from '../../dist/native-bridge/formats.js';
import { random } from '../store/support.js';

/*
 * A Llama of random weights as a GGUF file that llama.cpp loads
 * (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md).
 */

export interface RandomLlama {
  /** Of all matrices; norms are f32. */
  format: WritableFormat;
  hiddenSize?: number;
  intermediateSize?: number;
  numLayers?: number;
  numAttentionHeads?: number;
  numKeyValueHeads?: number;
  vocabSize?: number;
  tied?: boolean;
  seed?: number;
}

const VERSION = 3;
const ALIGNMENT = 32;
/** Beyond this many weights a matrix repeats itself: what counts there is its size. */
const DISTINCT_WEIGHTS = 1 << 20;

/** Types of metadata values, and of tokens. */
const U32 = 4;
const I32 = 5;
const F32 = 6;
const STRING = 8;
const ARRAY = 9;
const [NORMAL, UNKNOWN, CONTROL, BYTE] = [1, 2, 3, 6];

interface Tensor {
  name: string;
  /** Row length first. */
  dimensions: number[];
  format: WritableFormat;
}

const u32 = (value: number) => Buffer.from(Uint32Array.of(value).buffer);
const f32 = (value: number) => Buffer.from(Float32Array.of(value).buffer);
const u64 = (value: number) => Buffer.from(BigUint64Array.of(BigInt(value)).buffer);
const string = (value: string) => Buffer.concat([u64(Buffer.byteLength(value)), Buffer.from(value)]);
const list = (type: number, items: Buffer[]) => Buffer.concat([u32(type), u64(items.length), ...items]);

/** Writes the file and returns its bytes. The same shape and seed give the same file. */
export function writeRandomLlama(path: string, shape: RandomLlama): number {
  const tensors = tensorsOf(shape);
  const next = random(shape.seed ?? 1);
  const file = openSync(path, 'w');
  let written = 0;
  const write = (bytes: Uint8Array) => {
    for (let done = 0; done < bytes.length; ) done += writeSync(file, bytes, done);
    written += bytes.length;
  };
  const align = () => write(Buffer.alloc(aligned(written) - written));
  try {
    write(header(shape, tensors));
    align();
    for (const tensor of tensors) {
      const weights = count(tensor);
      for (let at = 0, chunk = randomBytes(tensor, next); at < bytesOf(tensor); at += chunk.length)
        write(weights <= DISTINCT_WEIGHTS ? chunk : chunk.subarray(0, bytesOf(tensor) - at));
      align();
    }
  } finally {
    closeSync(file);
  }
  return written;
}

const aligned = (bytes: number) => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
const count = ({ dimensions }: Tensor) => dimensions.reduce((a, b) => a * b);
const bytesOf = (tensor: Tensor) => rowBytes(tensor.format, count(tensor));

function tensorsOf(shape: RandomLlama): Tensor[] {
  const { hiddenSize, intermediateSize, numLayers, vocabSize, keyValueSize, tied } = complete(shape);
  const matrix = (name: string, columns: number, rows: number): Tensor => ({
    name: `${name}.weight`,
    dimensions: [columns, rows],
    format: shape.format,
  });
  const norm = (name: string): Tensor => ({ name: `${name}.weight`, dimensions: [hiddenSize], format: 'f32' });
  const layers = Array.from({ length: numLayers }, (_, layer) => [
    norm(`blk.${layer}.attn_norm`),
    matrix(`blk.${layer}.attn_q`, hiddenSize, hiddenSize),
    matrix(`blk.${layer}.attn_k`, hiddenSize, keyValueSize),
    matrix(`blk.${layer}.attn_v`, hiddenSize, keyValueSize),
    matrix(`blk.${layer}.attn_output`, hiddenSize, hiddenSize),
    norm(`blk.${layer}.ffn_norm`),
    matrix(`blk.${layer}.ffn_gate`, hiddenSize, intermediateSize),
    matrix(`blk.${layer}.ffn_up`, hiddenSize, intermediateSize),
    matrix(`blk.${layer}.ffn_down`, intermediateSize, hiddenSize),
  ]);
  const head = tied ? [] : [matrix('output', hiddenSize, vocabSize)];
  return [matrix('token_embd', hiddenSize, vocabSize), ...layers.flat(), norm('output_norm'), ...head];
}

function complete(shape: RandomLlama) {
  const {
    hiddenSize = 256,
    intermediateSize = 512,
    numLayers = 2,
    numAttentionHeads = 8,
    numKeyValueHeads = 2,
    vocabSize = 320,
    tied = false,
  } = shape;
  const keyValueSize = (hiddenSize / numAttentionHeads) * numKeyValueHeads;
  return {
    hiddenSize,
    intermediateSize,
    numLayers,
    numAttentionHeads,
    numKeyValueHeads,
    vocabSize,
    keyValueSize,
    tied,
  };
}

function header(shape: RandomLlama, tensors: Tensor[]): Buffer {
  const { hiddenSize, intermediateSize, numLayers, numAttentionHeads, numKeyValueHeads, vocabSize } = complete(shape);
  const bytes = Array.from({ length: 256 }, (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`);
  const words = Array.from({ length: vocabSize - 259 }, (_, i) => `\u2581t${i}`);
  const types = [UNKNOWN, CONTROL, CONTROL, ...bytes.map(() => BYTE), ...words.map(() => NORMAL)];
  const tokens = ['<unk>', '<s>', '</s>', ...bytes, ...words];
  const entries: [key: string, type: number, value: Buffer][] = [
    ['general.architecture', STRING, string('llama')],
    ['general.quantization_version', U32, u32(2)],
    ['llama.context_length', U32, u32(512)],
    ['llama.embedding_length', U32, u32(hiddenSize)],
    ['llama.block_count', U32, u32(numLayers)],
    ['llama.feed_forward_length', U32, u32(intermediateSize)],
    ['llama.attention.head_count', U32, u32(numAttentionHeads)],
    ['llama.attention.head_count_kv', U32, u32(numKeyValueHeads)],
    ['llama.attention.layer_norm_rms_epsilon', F32, f32(1e-5)],
    ['llama.rope.dimension_count', U32, u32(hiddenSize / numAttentionHeads)],
    ['tokenizer.ggml.model', STRING, string('llama')],
    ['tokenizer.ggml.tokens', ARRAY, list(STRING, tokens.map(string))],
    [
      'tokenizer.ggml.scores',
      ARRAY,
      list(
        F32,
        tokens.map((_, i) => f32(-i)),
      ),
    ],
    ['tokenizer.ggml.token_type', ARRAY, list(I32, types.map(u32))],
    ['tokenizer.ggml.unknown_token_id', U32, u32(0)],
    ['tokenizer.ggml.bos_token_id', U32, u32(1)],
    ['tokenizer.ggml.eos_token_id', U32, u32(2)],
  ];
  let offset = 0;
  const infos = tensors.map((tensor) => {
    const { name, dimensions, format } = tensor;
    const start = u64(offset);
    offset = aligned(offset + bytesOf(tensor));
    return Buffer.concat([
      string(name),
      u32(dimensions.length),
      ...dimensions.map(u64),
      u32(FORMATS[format].id),
      start,
    ]);
  });
  return Buffer.concat([
    Buffer.from('GGUF'),
    u32(VERSION),
    u64(tensors.length),
    u64(entries.length),
    ...entries.flatMap(([key, type, value]) => [string(key), u32(type), value]),
    ...infos,
  ]);
}

/** Norms lie around 1; a matrix's weights are such that inputs of unit variance give outputs of unit variance. */
function randomBytes(tensor: Tensor, next: () => number): Uint8Array {
  const weights = new Float32Array(Math.min(count(tensor), DISTINCT_WEIGHTS));
  const isNorm = tensor.dimensions.length === 1;
  const spread = Math.sqrt(3 / tensor.dimensions[0]);
  for (let i = 0; i < weights.length; i++) weights[i] = isNorm ? 0.5 + next() : spread * (2 * next() - 1);
  const bytes = new Uint8Array(rowBytes(tensor.format, weights.length));
  quantize(tensor.format, weights, 0, weights.length, bytes, 0);
  return bytes;
}
