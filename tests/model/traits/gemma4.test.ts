import { describe, expect, it } from 'vitest';
import { hasKeys, hasValues, keyValueGroups, keyValueLayer } from '../../../dist/src/model/attention-layers.js';
import { describeGguf, describeHuggingFace } from '../../../dist/src/model/families/architectures.js';
import { Fields } from '../../../dist/src/model/fields.js';

const PATTERN = [true, true, false, true, true, false];
const METADATA = {
  'general.architecture': 'gemma4',
  'gemma4.block_count': 6,
  'gemma4.context_length': 512,
  'gemma4.embedding_length': 64,
  'gemma4.feed_forward_length': 96,
  'gemma4.attention.head_count': 4,
  'gemma4.attention.head_count_kv': [2, 2, 1, 2, 2, 1],
  'gemma4.attention.key_length': 32,
  'gemma4.attention.key_length_swa': 16,
  'gemma4.attention.layer_norm_rms_epsilon': 1e-6,
  'gemma4.attention.sliding_window': 24,
  'gemma4.attention.sliding_window_pattern': PATTERN,
};
const SHAPES: Record<string, number[]> = { 'token_embd.weight': [512, 64], 'blk.2.attn_v.weight': [32, 64] };

const gguf = (change: object, shapes: Record<string, number[]> = SHAPES) =>
  describeGguf('test', Fields.of('m.gguf', { ...METADATA, ...change }), {
    shape: (name) => shapes[name] ?? null,
    floats: () => new Float32Array(),
  }).spec;

const CONFIG = {
  architectures: ['Gemma4ForCausalLM'],
  ...{ hidden_size: 64, intermediate_size: 96, num_hidden_layers: 6, vocab_size: 512 },
  ...{ num_attention_heads: 4, num_key_value_heads: 2, head_dim: 16, max_position_embeddings: 512 },
  layer_types: PATTERN.map((slides) => (slides ? 'sliding_attention' : 'full_attention')),
};
const folder = (change: object) =>
  describeHuggingFace('test', Fields.of('config.json', { ...CONFIG, ...change }), () => false).spec;

describe('Gemma 4', () => {
  it('has layers of two kinds, each with heads of its own', () => {
    const spec = gguf({});
    expect([spec.headDim, spec.numKeyValueHeads, spec.slidingWindow]).toEqual([
      32,
      1,
      { size: 24, fullEvery: null, layers: PATTERN, theta: 10000, heads: { headDim: 16, numKeyValueHeads: 2 } },
    ]);
    expect(keyValueGroups(spec)).toEqual([
      { headDim: 16, numKeyValueHeads: 2, layers: [0, 1, 3, 4] },
      { headDim: 32, numKeyValueHeads: 1, layers: [2, 5] },
    ]);
  });

  it('takes keys for values where global layers have no values, and shares keys where a key says so', () => {
    const spec = gguf({ 'gemma4.attention.shared_kv_layers': 3 }, { 'token_embd.weight': [512, 64] });
    expect(spec.keysAsValues).toBe(true);
    expect([0, 1, 2, 3, 4, 5].map((layer) => keyValueLayer(spec, layer))).toEqual([0, 1, 2, 1, 1, 2]);
    expect([0, 1, 2, 3, 4, 5].map((layer) => hasKeys(spec, layer))).toEqual([true, true, true, false, false, false]);
    expect([0, 1, 2].map((layer) => hasValues(spec, layer))).toEqual([true, true, false]);
    expect(gguf({}).keysAsValues).toBe(false);
  });

  it('may have networks of two sizes, and inputs of each layer', () => {
    const sizes = [96, 96, 96, 192, 192, 192];
    const spec = gguf({ 'gemma4.feed_forward_length': sizes, 'gemma4.embedding_length_per_layer_input': 8 });
    expect([spec.intermediateSize, spec.layerIntermediateSizes, spec.perLayerInputs]).toEqual([
      192,
      sizes,
      { size: 8 },
    ]);
  });

  it.each<[string, RegExp, object]>([
    [
      'CORRUPT',
      /"gemma4.attention.sliding_window_pattern" is missing/,
      { 'gemma4.attention.sliding_window_pattern': null },
    ],
    ['CORRUPT', /sliding_window_pattern" has 2 entries/, { 'gemma4.attention.sliding_window_pattern': [true, false] }],
    [
      'CORRUPT',
      /sliding_window_pattern" is .*true or false/,
      { 'gemma4.attention.sliding_window_pattern': [1, 1, 0, 1, 1, 0] },
    ],
    ['CORRUPT', /head_count_kv" has 3 entries/, { 'gemma4.attention.head_count_kv': [2, 2, 1] }],
    [
      'CORRUPT',
      /head_count_kv" is 3, which does not divide the 4/,
      { 'gemma4.attention.head_count_kv': [3, 3, 1, 3, 3, 1] },
    ],
    ['UNSUPPORTED', /head_count_kv" differs among layers/, { 'gemma4.attention.head_count_kv': [2, 4, 1, 2, 2, 1] }],
    ['CORRUPT', /feed_forward_length" has 2 entries/, { 'gemma4.feed_forward_length': [96, 96] }],
    ['CORRUPT', /feed_forward_length" is .*a list of whole/, { 'gemma4.feed_forward_length': [96, 96, 0, 96, 96, 96] }],
    ['CORRUPT', /shared_kv_layers" is 4, so that some layers/, { 'gemma4.attention.shared_kv_layers': 4 }],
    ['CORRUPT', /shared_kv_layers" is 6/, { 'gemma4.attention.shared_kv_layers': 6 }],
    ['UNSUPPORTED', /value_length" differs from/, { 'gemma4.attention.value_length': 16 }],
    ['UNSUPPORTED', /dimension_count_swa" is 8/, { 'gemma4.rope.dimension_count_swa': 8 }],
  ])('is %s in a GGUF file, %s', (code, message, change) => {
    expect(() => gguf(change)).toThrow(expect.objectContaining({ code, message: expect.stringMatching(message) }));
  });

  it('is described by older folders with keys of their own, by newer ones layer by layer', () => {
    const own = folder({ global_head_dim: 32, num_global_key_value_heads: 1, attention_k_eq_v: true });
    const entry = { head_dim: 32, num_key_value_heads: 1 };
    const listed = folder({ per_layer_config: { 2: entry, 5: entry }, attention_k_eq_v: true });
    expect(own).toEqual(listed);
    expect([own.headDim, own.numKeyValueHeads, own.keysAsValues]).toEqual([32, 1, true]);
    expect(folder({}).headDim).toBe(512);
  });

  it.each<[string, RegExp, object]>([
    ['CORRUPT', /"layer_types" has 1 entries/, { layer_types: ['full_attention'] }],
    ['UNSUPPORTED', /"layer_types" has "chunked"/, { layer_types: new Array(6).fill('chunked') }],
    ['UNSUPPORTED', /"per_layer_config" differs/, { per_layer_config: { 2: { head_dim: 32 }, 5: { head_dim: 64 } } }],
    ['UNSUPPORTED', /"use_bidirectional_attention" is "all"/, { use_bidirectional_attention: 'all' }],
    ['CORRUPT', /"num_kv_shared_layers" is 5/, { num_kv_shared_layers: 5 }],
  ])('is %s in a folder, %s', (code, message, change) => {
    expect(() => folder(change)).toThrow(expect.objectContaining({ code, message: expect.stringMatching(message) }));
  });
});
