import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs';
import { FORMATS, type RowFormat, rowBytes } from '../../native-bridge/formats.js';
import { ggufFamily } from './gguf-families.js';
import { RandomWeights } from './random-weights.js';
import type { ModelShape } from './shapes.js';

/*
 * A model of random weights as a GGUF file, version 3 (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md), with a SentencePiece vocabulary of
 * made-up words: what llama.cpp and flashrow load alike.
 */

const VERSION = 3;
const ALIGNMENT = 32;
/** Written at once; a multiple of every format's block. */
const PIECE_BLOCKS = 1 << 18;

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
  format: RowFormat;
}

const u32 = (value: number) => Buffer.from(Uint32Array.of(value).buffer);
const f32 = (value: number) => Buffer.from(Float32Array.of(value).buffer);
const u64 = (value: number) => Buffer.from(BigUint64Array.of(BigInt(value)).buffer);
const string = (value: string) => Buffer.concat([u64(Buffer.byteLength(value)), Buffer.from(value)]);
const list = (type: number, items: Buffer[]) => Buffer.concat([u32(type), u64(items.length), ...items]);

const aligned = (bytes: number) => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
const count = ({ dimensions }: Tensor) => dimensions.reduce((a, b) => a * b);
const bytesOf = (tensor: Tensor) => rowBytes(tensor.format, count(tensor));

/** Writes the file, safe on disk when it returns, and gives its bytes. The same shape, formats and seed give the same file; experts may have a format of their own. */
export function writeRandomGguf(
  path: string,
  shape: ModelShape,
  format: RowFormat,
  onProgress: (bytes: number) => void = () => {},
  seed = 1,
  expertFormat = format,
): number {
  const tensors = tensorsOf(shape, format, expertFormat);
  const weights = new RandomWeights(seed);
  const file = openSync(path, 'wx');
  let written = 0;
  const write = (bytes: Uint8Array) => {
    for (let done = 0; done < bytes.length; ) done += writeSync(file, bytes, done);
    written += bytes.length;
    onProgress(written);
  };
  const align = () => write(Buffer.alloc(aligned(written) - written));
  try {
    write(header(shape, tensors));
    align();
    for (const tensor of tensors) {
      const [columns, rows] = tensor.dimensions;
      const piece = PIECE_BLOCKS * FORMATS[tensor.format].blockBytes;
      if (rows === undefined) write(weights.norm(columns));
      else
        for (let left = bytesOf(tensor); left > 0; left -= piece)
          write(weights.next(tensor.format, columns, Math.min(left, piece)));
      align();
    }
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  return written;
}

function tensorsOf(shape: ModelShape, format: RowFormat, expertFormat: RowFormat): Tensor[] {
  const { hiddenSize, numLayers, headDim, vocabSize } = shape;
  const querySize = headDim * shape.numAttentionHeads;
  const keyValueSize = headDim * shape.numKeyValueHeads;
  const matrix = (name: string, ...dimensions: number[]): Tensor => ({ name: `${name}.weight`, dimensions, format });
  const floats = (name: string, ...dimensions: number[]): Tensor => ({
    name: `${name}.weight`,
    dimensions,
    format: 'f32',
  });
  const stack = (name: string, ...dimensions: number[]): Tensor => ({
    ...matrix(name, ...dimensions),
    format: expertFormat,
  });
  const bias = (name: string, length: number): Tensor => ({
    name: `${name}.bias`,
    dimensions: [length],
    format: 'f32',
  });
  const family = ggufFamily(shape);
  const feedForward = (block: string): Tensor[] => {
    const { experts, intermediateSize } = shape;
    if (!experts) {
      const gate = matrix(`${block}.ffn_gate`, hiddenSize, intermediateSize);
      return [
        ...(family.falcon ? [] : [gate]),
        matrix(`${block}.ffn_up`, hiddenSize, intermediateSize),
        matrix(`${block}.ffn_down`, intermediateSize, hiddenSize),
      ];
    }
    const { numExperts, intermediateSize: neurons } = experts;
    const shared = sharedSize(shape);
    return [
      floats(`${block}.ffn_gate_inp`, hiddenSize, numExperts),
      stack(`${block}.ffn_gate_exps`, hiddenSize, neurons, numExperts),
      stack(`${block}.ffn_up_exps`, hiddenSize, neurons, numExperts),
      stack(`${block}.ffn_down_exps`, neurons, hiddenSize, numExperts),
      ...(shared === 0
        ? []
        : [
            floats(`${block}.ffn_gate_inp_shexp`, hiddenSize),
            matrix(`${block}.ffn_gate_shexp`, hiddenSize, shared),
            matrix(`${block}.ffn_up_shexp`, hiddenSize, shared),
            matrix(`${block}.ffn_down_shexp`, shared, hiddenSize),
          ]),
    ];
  };
  const norm = (name: string): Tensor[] =>
    family.falcon ? [floats(name, hiddenSize), bias(name, hiddenSize)] : [floats(name, hiddenSize)];
  const attention = (block: string): Tensor[] => {
    const parts = [
      matrix(`${block}.attn_q`, hiddenSize, querySize),
      matrix(`${block}.attn_k`, hiddenSize, keyValueSize),
      matrix(`${block}.attn_v`, hiddenSize, keyValueSize),
    ];
    if (family.falcon) return [matrix(`${block}.attn_qkv`, hiddenSize, querySize + 2 * keyValueSize)];
    if (family.queryKeyValueBiases)
      parts.push(
        bias(`${block}.attn_q`, querySize),
        bias(`${block}.attn_k`, keyValueSize),
        bias(`${block}.attn_v`, keyValueSize),
      );
    if (family.queryKeyNorm) {
      const byHead = family.queryKeyNorm === 'head';
      parts.push(
        floats(`${block}.attn_q_norm`, byHead ? headDim : querySize),
        floats(`${block}.attn_k_norm`, byHead ? headDim : keyValueSize),
      );
    }
    return parts;
  };
  const layers = Array.from({ length: numLayers }, (_, layer) => {
    const block = `blk.${layer}`;
    return [
      ...norm(`${block}.attn_norm`),
      ...(family.ownAttentionNorm ? norm(`${block}.attn_norm_2`) : []),
      ...attention(block),
      matrix(`${block}.attn_output`, querySize, hiddenSize),
      ...(family.falcon ? [] : norm(`${block}.ffn_norm`)),
      ...feedForward(block),
    ];
  });
  return [
    matrix('token_embd', hiddenSize, vocabSize),
    ...layers.flat(),
    ...norm('output_norm'),
    matrix('output', hiddenSize, vocabSize),
  ];
}

const sharedSize = (shape: ModelShape): number =>
  shape.experts && ggufFamily(shape).sharedExpert
    ? shape.experts.numExpertsPerToken * shape.experts.intermediateSize
    : 0;

function header(shape: ModelShape, tensors: Tensor[]): Buffer {
  const entries = [...architecture(shape), ...vocabulary(shape.vocabSize)];
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

type Entry = [key: string, type: number, value: Buffer];

function architecture(shape: ModelShape): Entry[] {
  const { experts } = shape;
  const family = ggufFamily(shape);
  const name = family.architecture;
  const shared = sharedSize(shape);
  const expertEntries: Entry[] = experts
    ? [
        [`${name}.expert_count`, U32, u32(experts.numExperts)],
        [`${name}.expert_used_count`, U32, u32(experts.numExpertsPerToken)],
        ...(family.expertSizeIsNetworks
          ? []
          : [[`${name}.expert_feed_forward_length`, U32, u32(experts.intermediateSize)] satisfies Entry]),
        ...(shared === 0 ? [] : [[`${name}.expert_shared_feed_forward_length`, U32, u32(shared)] satisfies Entry]),
      ]
    : [];
  // Without the key it is SiLU.
  const activationEntries: Entry[] =
    shape.activation === 'relu' ? [[`${name}.hidden_act`, STRING, string('relu')]] : [];
  return [
    ['general.architecture', STRING, string(name)],
    ['general.name', STRING, string('random weights')],
    ['general.quantization_version', U32, u32(2)],
    [`${name}.context_length`, U32, u32(shape.contextLength)],
    [`${name}.embedding_length`, U32, u32(shape.hiddenSize)],
    [`${name}.block_count`, U32, u32(shape.numLayers)],
    [
      `${name}.feed_forward_length`,
      U32,
      u32(experts && family.expertSizeIsNetworks ? experts.intermediateSize : shape.intermediateSize),
    ],
    [`${name}.attention.head_count`, U32, u32(shape.numAttentionHeads)],
    [`${name}.attention.head_count_kv`, U32, u32(shape.numKeyValueHeads)],
    [`${name}.attention.key_length`, U32, u32(shape.headDim)],
    [`${name}.attention.value_length`, U32, u32(shape.headDim)],
    [`${name}.attention.layer_norm_${family.falcon ? '' : 'rms_'}epsilon`, F32, f32(1e-5)],
    [`${name}.rope.dimension_count`, U32, u32(shape.headDim)],
    [`${name}.rope.freq_base`, F32, f32(shape.ropeTheta)],
    ...expertEntries,
    ...activationEntries,
  ];
}

function vocabulary(vocabSize: number): Entry[] {
  const bytes = Array.from({ length: 256 }, (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`);
  const words = Array.from({ length: vocabSize - bytes.length - 3 }, (_, i) => `\u2581t${i}`);
  const tokens = ['<unk>', '<s>', '</s>', ...bytes, ...words];
  const types = [UNKNOWN, CONTROL, CONTROL, ...bytes.map(() => BYTE), ...words.map(() => NORMAL)];
  const scores = tokens.map((_, i) => f32(-i));
  return [
    ['tokenizer.ggml.model', STRING, string('llama')],
    ['tokenizer.ggml.tokens', ARRAY, list(STRING, tokens.map(string))],
    ['tokenizer.ggml.scores', ARRAY, list(F32, scores)],
    ['tokenizer.ggml.token_type', ARRAY, list(I32, types.map(u32))],
    ['tokenizer.ggml.unknown_token_id', U32, u32(0)],
    ['tokenizer.ggml.bos_token_id', U32, u32(1)],
    ['tokenizer.ggml.eos_token_id', U32, u32(2)],
  ];
}
