import { describe, expect, it } from 'vitest';
import type { SourceTensors } from '../../../dist/src/model/architecture.js';
import { describeGguf, describeHuggingFace } from '../../../dist/src/model/families/architectures.js';
import { Fields } from '../../../dist/src/model/fields.js';
import { modelSpec } from '../../support/spec.js';

const fromConfig = (config: object, holds: (name: string) => boolean = () => false) =>
  describeHuggingFace('test', Fields.of('config.json', config), holds);

/** Source names of layer 0's tensors, without what stands before each. */
const names = (tensors: Iterable<{ name: string; sourceName: string }>, prefix: string) =>
  Object.fromEntries(
    [...tensors]
      .filter(({ name }) => name.startsWith('layers.0.'))
      .map(({ name, sourceName }) => [name.slice('layers.0.'.length), sourceName.replace(prefix, '')]),
  );

const SHARED = { architecture: 'falcon', norm: 'layer', activation: 'gelu', gated: false } as const;

describe('OPT', () => {
  const CONFIG = {
    architectures: ['OPTForCausalLM'],
    hidden_size: 64,
    ffn_dim: 256,
    max_position_embeddings: 512,
    num_attention_heads: 4,
    num_hidden_layers: 2,
    vocab_size: 512,
    word_embed_proj_dim: 64,
  };

  it('learns its positions, two rows late, and has biases everywhere', () => {
    const { spec, tensors } = fromConfig(CONFIG);
    expect(spec).toEqual(
      modelSpec({
        architecture: 'opt',
        intermediateSize: 256,
        numKeyValueHeads: 4,
        norm: 'layer',
        rotary: null,
        positionOffset: 2,
        activation: 'relu',
        gated: false,
        queryKeyValueBiases: true,
        outputBias: true,
        feedForwardBiases: true,
      }),
    );
    const positions = [...tensors].find(({ name }) => name === 'positions');
    expect(positions).toMatchObject({ sourceName: 'model.decoder.embed_positions.weight', shape: [514, 64] });
    expect(names(tensors, 'model.decoder.layers.0.')).toMatchObject({
      q: 'self_attn.q_proj.weight',
      o: 'self_attn.out_proj.weight',
      ffnNorm: 'final_layer_norm.weight',
      up: 'fc1.weight',
      down: 'fc2.weight',
      downBias: 'fc2.bias',
    });
  });

  it('has names without a prefix where it was published before its class had a head', () => {
    const { tensors } = fromConfig(CONFIG, (name) => name === 'decoder.embed_tokens.weight');
    expect([...tensors].map(({ sourceName }) => sourceName).filter((name) => !name.startsWith('decoder.'))).toEqual([]);
  });
});

describe('Falcon', () => {
  const CONFIG = {
    architectures: ['FalconForCausalLM'],
    hidden_size: 64,
    num_attention_heads: 4,
    num_hidden_layers: 2,
    vocab_size: 512,
    max_position_embeddings: 512,
  };

  it('shares one pair of keys and values and one norm, in its first generation', () => {
    const { spec, tensors } = fromConfig(CONFIG);
    expect(spec).toEqual(modelSpec({ ...SHARED, intermediateSize: 256, numKeyValueHeads: 1, parallelNorm: 'shared' }));
    expect(names(tensors, 'transformer.h.0.')).toEqual({
      attentionNorm: 'input_layernorm.weight',
      attentionNormBias: 'input_layernorm.bias',
      q: 'self_attention.query_key_value.weight',
      k: 'self_attention.query_key_value.weight',
      v: 'self_attention.query_key_value.weight',
      o: 'self_attention.dense.weight',
      up: 'mlp.dense_h_to_4h.weight',
      down: 'mlp.dense_4h_to_h.weight',
    });
  });

  it('has a norm for each half and groups of queries, in its second', () => {
    const { spec, tensors } = fromConfig({ ...CONFIG, new_decoder_architecture: true, num_kv_heads: 2 });
    expect(spec).toEqual(modelSpec({ ...SHARED, intermediateSize: 256, parallelNorm: 'own' }));
    expect(names(tensors, 'transformer.h.0.')).toMatchObject({
      attentionNorm: 'ln_attn.weight',
      ffnNorm: 'ln_mlp.weight',
    });
  });

  it('has keys for each head where it says that it is no multi-query model', () => {
    expect(fromConfig({ ...CONFIG, multi_query: false }).spec.numKeyValueHeads).toBe(4);
  });

  it('is read from GGUF, which calls the norm of the network attn_norm where attention has one of its own', () => {
    const metadata = {
      'general.architecture': 'falcon',
      'falcon.embedding_length': 64,
      'falcon.block_count': 2,
      'falcon.context_length': 512,
      'falcon.attention.head_count': 4,
      'falcon.attention.head_count_kv': 2,
      'falcon.attention.layer_norm_epsilon': 1e-5,
    };
    const described = (shapes: Record<string, number[]>) => {
      const tensors: SourceTensors = {
        shape: (name) => ({ 'token_embd.weight': [512, 64], ...shapes })[name] ?? null,
        floats: () => new Float32Array(),
      };
      return describeGguf('test', Fields.of('m.gguf', metadata), tensors);
    };
    const own = described({ 'blk.0.attn_norm_2.weight': [64] });
    expect(own.spec).toEqual(modelSpec({ ...SHARED, intermediateSize: 256, parallelNorm: 'own' }));
    expect(names(own.tensors, 'blk.0.')).toMatchObject({
      attentionNorm: 'attn_norm_2.weight',
      ffnNorm: 'attn_norm.weight',
      q: 'attn_qkv.weight',
    });
    const shared = described({});
    expect(shared.spec.parallelNorm).toBe('shared');
    expect(names(shared.tensors, 'blk.0.')).toMatchObject({ attentionNorm: 'attn_norm.weight' });
  });
});
