import { closeSync, fsyncSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { rowBytes } from '../../native-bridge/formats.js';
import { RandomWeights } from './random-weights.js';
import type { ModelShape } from './shapes.js';

/*
 * An OPT of random weights as a Hugging Face folder: config.json, tokenizer.json, and model.safetensors
 * (https://github.com/huggingface/safetensors#format).
 */

/** Rows of the learned table that no position uses. */
const POSITION_OFFSET = 2;
/** Bytes that are written at once. */
const PIECE_BYTES = 32 << 20;

interface Tensor {
  name: string;
  /** [rows, columns], or [length]. */
  shape: number[];
}

/** Writes the folder; it is safe on disk then. The same shape, format and seed give the same bytes. */
export function writeRandomOpt(folder: string, shape: ModelShape, format: 'f32' | 'f16', seed = 1): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'config.json'), JSON.stringify(config(shape)));
  writeFileSync(join(folder, 'tokenizer.json'), JSON.stringify(tokenizer(shape.vocabSize)));
  const weights = new RandomWeights(seed);
  const tensors = tensorsOf(shape);
  const file = openSync(join(folder, 'model.safetensors'), 'wx');
  const write = (bytes: Uint8Array) => {
    for (let done = 0; done < bytes.length; ) done += writeSync(file, bytes, done);
  };
  try {
    write(header(tensors, format));
    for (const { shape } of tensors) {
      const columns = shape[shape.length - 1];
      for (let left = shape.reduce((a, b) => a * b) * rowBytes(format, 1); left > 0; left -= PIECE_BYTES)
        write(weights.next(format, columns, Math.min(left, PIECE_BYTES)));
    }
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

const config = (shape: ModelShape) => ({
  architectures: ['OPTForCausalLM'],
  model_type: 'opt',
  hidden_size: shape.hiddenSize,
  ffn_dim: shape.intermediateSize,
  num_hidden_layers: shape.numLayers,
  num_attention_heads: shape.numAttentionHeads,
  vocab_size: shape.vocabSize,
  max_position_embeddings: shape.contextLength,
  word_embed_proj_dim: shape.hiddenSize,
  do_layer_norm_before: true,
  activation_function: 'relu',
  bos_token_id: 2,
  eos_token_id: 2,
});

/** A byte-level tokenizer. Its words are made up of characters that stand for no byte. */
function tokenizer(vocabSize: number): object {
  const vocab = Object.fromEntries(Array.from({ length: vocabSize }, (_, id) => [`word${id}`, id]));
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true };
  return {
    version: '1.0',
    added_tokens: [],
    normalizer: null,
    pre_tokenizer: byteLevel,
    post_processor: null,
    decoder: byteLevel,
    model: { type: 'BPE', vocab, merges: [] },
  };
}

function tensorsOf({ hiddenSize, intermediateSize, numLayers, vocabSize, contextLength }: ModelShape): Tensor[] {
  const named = (name: string, outputs: number, inputs: number): Tensor[] => [
    { name: `${name}.weight`, shape: [outputs, inputs] },
    { name: `${name}.bias`, shape: [outputs] },
  ];
  const norm = (name: string): Tensor[] => [
    { name: `${name}.weight`, shape: [hiddenSize] },
    { name: `${name}.bias`, shape: [hiddenSize] },
  ];
  const top = 'model.decoder';
  return [
    { name: `${top}.embed_tokens.weight`, shape: [vocabSize, hiddenSize] },
    { name: `${top}.embed_positions.weight`, shape: [contextLength + POSITION_OFFSET, hiddenSize] },
    ...Array.from({ length: numLayers }, (_, layer) => {
      const prefix = `${top}.layers.${layer}`;
      return [
        ...norm(`${prefix}.self_attn_layer_norm`),
        ...['q_proj', 'k_proj', 'v_proj', 'out_proj'].flatMap((name) =>
          named(`${prefix}.self_attn.${name}`, hiddenSize, hiddenSize),
        ),
        ...norm(`${prefix}.final_layer_norm`),
        ...named(`${prefix}.fc1`, intermediateSize, hiddenSize),
        ...named(`${prefix}.fc2`, hiddenSize, intermediateSize),
      ];
    }).flat(),
    ...norm(`${top}.final_layer_norm`),
  ];
}

function header(tensors: readonly Tensor[], format: 'f32' | 'f16'): Buffer {
  let end = 0;
  const entries = tensors.map(({ name, shape }) => {
    const begin = end;
    end += shape.reduce((a, b) => a * b) * rowBytes(format, 1);
    return [name, { dtype: format.toUpperCase(), shape, data_offsets: [begin, end] }];
  });
  const json = Buffer.from(JSON.stringify(Object.fromEntries(entries)));
  const length = Buffer.alloc(8);
  const padded = Buffer.concat([json, Buffer.alloc((8 - (json.length % 8)) % 8, ' ')]);
  length.writeBigUInt64LE(BigInt(padded.length));
  return Buffer.concat([length, padded]);
}
