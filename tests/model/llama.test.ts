import { describe, expect, it } from 'vitest';
import type { ErrorCode } from '../../dist/src/errors.js';
import type { SourceTensors } from '../../dist/src/model/architecture.js';
import { describeGguf, describeHuggingFace } from '../../dist/src/model/families/architectures.js';
import { Fields } from '../../dist/src/model/fields.js';
import { modelSpec } from '../support/spec.js';

const LLAMA_3_1_8B = {
  architectures: ['LlamaForCausalLM'],
  attention_bias: false,
  hidden_act: 'silu',
  hidden_size: 4096,
  intermediate_size: 14336,
  max_position_embeddings: 131072,
  mlp_bias: false,
  num_attention_heads: 32,
  num_hidden_layers: 32,
  num_key_value_heads: 8,
  pretraining_tp: 1,
  rms_norm_eps: 1e-5,
  rope_scaling: {
    factor: 8,
    high_freq_factor: 4,
    low_freq_factor: 1,
    original_max_position_embeddings: 8192,
    rope_type: 'llama3',
  },
  rope_theta: 500000,
  tie_word_embeddings: false,
  vocab_size: 128256,
};

const GGUF = {
  'general.architecture': 'llama',
  'llama.context_length': 4096,
  'llama.embedding_length': 64,
  'llama.block_count': 2,
  'llama.feed_forward_length': 172,
  'llama.attention.head_count': 8,
  'llama.attention.layer_norm_rms_epsilon': 1e-5,
};

const fromConfig = (change: object) =>
  describeHuggingFace('m', Fields.of('config.json', { ...LLAMA_3_1_8B, ...change }), () => true);

function fromGguf(change: object, extra: Record<string, Float32Array> = {}) {
  const tensors: SourceTensors = {
    shape: (name) => (name === 'token_embd.weight' ? [100, 64] : extra[name] ? [extra[name].length] : null),
    floats: (name) => extra[name],
  };
  return describeGguf('m', Fields.of('m.gguf', { ...GGUF, ...change }), tensors);
}

describe('a llama described by config.json', () => {
  it('is read with grouped heads, an untied head and rotary halves', () => {
    const { spec, tensors, ignores } = fromConfig({});
    expect(spec).toMatchObject({
      name: 'm',
      headDim: 128,
      numKeyValueHeads: 8,
      contextLength: 131072,
      activation: 'silu',
      gated: true,
      tiedEmbeddings: false,
      norm: 'rms',
      positionOffset: 0,
      outputBias: false,
      feedForwardBiases: false,
      parallelNorm: null,
      queryKeyValueBiases: false,
      queryKeyNorm: null,
      experts: null,
      rotary: { theta: 500000, dimension: 128, layout: 'halves' },
    });
    const all = [...tensors];
    expect(all).toHaveLength(2 + 9 * 32 + 1);
    expect(all.find(({ name }) => name === 'layers.31.k')).toEqual({
      name: 'layers.31.k',
      sourceName: 'model.layers.31.self_attn.k_proj.weight',
      shape: [1024, 4096],
    });
    expect([ignores('lm_head.weight'), ignores('model.layers.3.self_attn.rotary_emb.inv_freq')]).toEqual([false, true]);
  });

  it('takes the defaults of transformers where fields are absent or null', () => {
    const { spec } = fromConfig({
      head_dim: null,
      num_key_value_heads: null,
      rope_scaling: null,
      rope_theta: null,
      hidden_act: null,
      rms_norm_eps: null,
    });
    expect(spec).toMatchObject({
      headDim: 128,
      numKeyValueHeads: 32,
      activation: 'silu',
      normEpsilon: 1e-6,
      rotary: { theta: 10000, frequencyFactors: null },
    });
  });

  it('takes a head size that is not hidden size over heads', () => {
    const { spec, tensors } = fromConfig({ head_dim: 96 });
    expect(spec.headDim).toBe(96);
    expect([...tensors].find(({ name }) => name === 'layers.0.o')?.shape).toEqual([4096, 3072]);
  });

  it('slides in every layer of a Mistral that has a window, over the whole context', () => {
    const mistral = { architectures: ['MistralForCausalLM'], rope_scaling: null };
    expect(fromConfig({ ...mistral, sliding_window: 4096 }).spec).toMatchObject({
      contextLength: 131072,
      slidingWindow: { size: 4096, fullEvery: null, theta: null },
    });
    for (const sliding_window of [null, 131072])
      expect(fromConfig({ ...mistral, sliding_window }).spec).toMatchObject({
        contextLength: 131072,
        slidingWindow: null,
      });
  });

  it.each([
    ['relu', 'relu'],
    ['swish', 'silu'],
    ['gelu', 'gelu'],
    ['gelu_new', 'gelu-tanh'],
    ['gelu_pytorch_tanh', 'gelu-tanh'],
  ])('knows %s as %s', (name, activation) => {
    expect(fromConfig({ hidden_act: name }).spec.activation).toBe(activation);
  });

  it('scales Llama 3 frequencies as transformers does', () => {
    const factors = fromConfig({}).spec.rotary!.frequencyFactors ?? [];
    // transformers, modeling_rope_utils.py, in the terms of its own inverse frequencies and wavelengths.
    const expected = Array.from({ length: 64 }, (_, i) => {
      const inverse = 1 / 500000 ** ((2 * i) / 128);
      const wavelength = (2 * Math.PI) / inverse;
      const smooth = (8192 / wavelength - 1) / (4 - 1);
      const scaled =
        wavelength > 8192 / 1
          ? inverse / 8
          : wavelength < 8192 / 4
            ? inverse
            : ((1 - smooth) * inverse) / 8 + smooth * inverse;
      return inverse / scaled;
    });
    expect(factors).toHaveLength(64);
    factors.forEach((factor, i) => {
      expect(factor).toBeCloseTo(expected[i], 9);
    });
    // The two edges, worked out by hand: 64 ln(2048 / 2 pi) / ln 500000 = 28.2, and 34.98 for 8192.
    expect([factors[28], factors[35]]).toEqual([1, 8]);
    expect([factors[29] > 1, factors[34] < 8]).toEqual([true, true]);
  });

  it('slows pairs by YaRN, with a ramp between whole pairs or, as gpt-oss has it, wherever it falls', () => {
    const yarn = (truncate: boolean | null) =>
      fromConfig({
        head_dim: 64,
        rope_theta: 150000,
        rope_scaling: { rope_type: 'yarn', factor: 32, original_max_position_embeddings: 4096, truncate },
      }).spec.rotary!;
    const expected = (low: number, high: number) =>
      Array.from({ length: 32 }, (_, pair) => {
        const slowed = Math.min(1, Math.max(0, (pair - low) / (high - low)));
        return 1 / (slowed / 32 + 1 - slowed);
      });
    const near = (values: number[]) => values.map((value) => expect.closeTo(value, 5));
    // The ends of gpt-oss's ramp as github.com/vllm-project/vllm/pull/28244 reports them.
    expect(yarn(false).frequencyFactors).toEqual(near(expected(8.092779115512402, 17.39802450158856)));
    expect(yarn(true).frequencyFactors).toEqual(near(expected(8, 18)));
    expect(yarn(null)).toEqual(yarn(true));
    expect(yarn(null).magnitude).toBeCloseTo(1.3465735902799727, 12);
  });

  it('scales linearly, also where newer files keep all of it in rope_parameters', () => {
    expect(fromConfig({ rope_scaling: { type: 'linear', factor: 4 } }).spec.rotary!.frequencyFactors).toEqual(
      new Array(64).fill(4),
    );
    const { rotary } = fromConfig({
      rope_theta: undefined,
      rope_scaling: undefined,
      rope_parameters: { rope_type: 'default', rope_theta: 1e6 },
    }).spec;
    expect(rotary).toMatchObject({ theta: 1e6, frequencyFactors: null });
  });

  it.each<[ErrorCode, RegExp, object]>([
    [
      'UNSUPPORTED',
      /"BloomForCausalLM"; supported: .*LlamaForCausalLM, MistralForCausalLM/,
      { architectures: ['BloomForCausalLM'] },
    ],
    ['CORRUPT', /"architectures" is missing/, { architectures: [] }],
    ['CORRUPT', /"architectures" is missing/, { architectures: undefined }],
    ['UNSUPPORTED', /attention_bias/, { attention_bias: true }],
    ['UNSUPPORTED', /mlp_bias/, { mlp_bias: true }],
    ['CORRUPT', /"mlp_bias" is "yes"/, { mlp_bias: 'yes' }],
    ['UNSUPPORTED', /quantization_config/, { quantization_config: { quant_method: 'gptq' } }],
    ['CORRUPT', /partial_rotary_factor/, { partial_rotary_factor: 1.5 }],
    [
      'CORRUPT',
      /short_factor/,
      { rope_scaling: { type: 'longrope', short_factor: [1] }, original_max_position_embeddings: 64 },
    ],
    ['CORRUPT', /"factor" is missing/, { rope_scaling: { rope_type: 'yarn' } }],
    ['UNSUPPORTED', /"mscale" is set alone/, { rope_scaling: { rope_type: 'yarn', factor: 4, mscale: 1 } }],
    ['UNSUPPORTED', /"rope_type" is "dynamic"/, { rope_scaling: { type: 'dynamic', factor: 4 } }],
    ['CORRUPT', /"factor" is missing/, { rope_scaling: { type: 'linear' } }],
    ['CORRUPT', /"factor" is 0/, { rope_scaling: { type: 'linear', factor: 0 } }],
    ['CORRUPT', /"rope_scaling" is 8/, { rope_scaling: 8 }],
    ['CORRUPT', /below "high_freq_factor"/, { rope_scaling: { ...LLAMA_3_1_8B.rope_scaling, low_freq_factor: 4 } }],
    ['UNSUPPORTED', /"hidden_act" is "fatrelu"/, { hidden_act: 'fatrelu' }],
    ['UNSUPPORTED', /"hidden_act" is "constructor"/, { hidden_act: 'constructor' }],
    ['CORRUPT', /"hidden_size" is missing/, { hidden_size: undefined }],
    ['CORRUPT', /"hidden_size" is "4096"/, { hidden_size: '4096' }],
    ['CORRUPT', /"hidden_size" is 0/, { hidden_size: 0 }],
    ['CORRUPT', /"hidden_size" is -4096/, { hidden_size: -4096 }],
    ['CORRUPT', /"hidden_size" is 4096.5/, { hidden_size: 4096.5 }],
    ['CORRUPT', /"hidden_size" is NaN/, { hidden_size: Number.NaN }],
    ['CORRUPT', /"vocab_size" is 1e\+30/, { vocab_size: 1e30 }],
    ['CORRUPT', /"rope_theta" is Infinity/, { rope_theta: Infinity }],
    ['CORRUPT', /"rms_norm_eps" is -1/, { rms_norm_eps: -1 }],
    [
      'CORRUPT',
      /"num_attention_heads" is 33, which does not divide/,
      { num_attention_heads: 33, num_key_value_heads: 33 },
    ],
    ['CORRUPT', /"num_key_value_heads" is 5, which does not divide/, { num_key_value_heads: 5 }],
    ['CORRUPT', /"head_dim" comes to 127/, { head_dim: 127 }],
    ['CORRUPT', /"head_dim" comes to 4000000/, { head_dim: 4e6 }],
    ['UNSUPPORTED', /"intermediate_size" differs from layer to layer \(\[1, 2\]\)/, { intermediate_size: [1, 2] }],
    ['CORRUPT', /"num_hidden_layers" is \[\]/, { num_hidden_layers: [] }],
  ])('is %s, %s, with %j', (code, message, change) => {
    expect(() => fromConfig(change)).toThrow(
      expect.objectContaining({ code, message: expect.stringMatching(message) }),
    );
  });
});

describe('a llama described by GGUF metadata', () => {
  it('takes vocabulary size and tied head from the tensors, rotary pairs as neighbours', () => {
    expect(fromGguf({}).spec).toEqual(
      modelSpec({
        name: 'm',
        vocabSize: 100,
        hiddenSize: 64,
        intermediateSize: 172,
        numLayers: 2,
        numAttentionHeads: 8,
        numKeyValueHeads: 8,
        headDim: 8,
        contextLength: 4096,
        rotary: { theta: 10000, dimension: 8, layout: 'interleaved', frequencyFactors: null, magnitude: 1 },
      }),
    );
    const untied = fromGguf({}, { 'output.weight': new Float32Array(1) });
    expect(untied.spec.tiedEmbeddings).toBe(false);
    expect([...untied.tensors].at(-1)).toEqual({ name: 'head', sourceName: 'output.weight', shape: [100, 64] });
  });

  it('multiplies linear scaling and the factors of rope_freqs.weight', () => {
    const factors = { 'rope_freqs.weight': Float32Array.of(1, 1, 2, 8) };
    expect(fromGguf({}, factors).spec.rotary!.frequencyFactors).toEqual([1, 1, 2, 8]);
    expect(
      fromGguf({ 'llama.rope.scaling.type': 'linear', 'llama.rope.scaling.factor': 4 }).spec.rotary!.frequencyFactors,
    ).toEqual([4, 4, 4, 4]);
    expect(fromGguf({ 'llama.rope.scaling.factor': 4 }, factors).spec.rotary!.frequencyFactors).toEqual([4, 4, 8, 32]);
    expect(fromGguf({ 'llama.rope.scale_linear': 2 }).spec.rotary!.frequencyFactors).toEqual([2, 2, 2, 2]);
    expect(
      fromGguf({ 'llama.rope.scaling.type': 'none', 'llama.rope.scaling.factor': 4 }).spec.rotary!.frequencyFactors,
    ).toBeNull();
  });

  it('slows pairs by YaRN: the fast ones not at all, those that turn less than once by the whole factor', () => {
    const { frequencyFactors, magnitude } = fromGguf({
      'llama.rope.scaling.type': 'yarn',
      'llama.rope.scaling.factor': 4,
      'llama.rope.scaling.original_context_length': 512,
    }).spec.rotary!;
    // Pairs turn 1, 1/10, 1/100 and 1/1000 radians a position: 81, 8.1, 0.81 and 0.081 times within 512. Those between
    // 32 turns (pair 0.4, so from 0) and one (pair 1.9, so up to 2) are mixed by their place: half and half for pair 1.
    expect(frequencyFactors).toEqual([1, 1 / (0.5 / 4 + 0.5), 4, 4]);
    expect(magnitude).toBeCloseTo(1 + 0.1 * Math.log(4), 12);
  });

  it('honours partial rotary, an activation where one is named, and lists of equal values', () => {
    const { spec } = fromGguf({
      'llama.rope.dimension_count': 4,
      'llama.hidden_act': 'relu',
      'llama.attention.head_count_kv': [2, 2],
    });
    expect([spec.rotary!.dimension, spec.headDim, spec.activation, spec.numKeyValueHeads]).toEqual([4, 8, 'relu', 2]);
  });

  it.each<[ErrorCode, RegExp, object]>([
    ['CORRUPT', /ffn_down_exps.weight" is missing/, { 'llama.expert_count': 8 }],
    ['UNSUPPORTED', /head_count_kv" differs/, { 'llama.attention.head_count_kv': [2, 4] }],
    ['UNSUPPORTED', /value_length" differs/, { 'llama.attention.value_length': 16 }],
    ['UNSUPPORTED', /scaling.type" is "longrope"/, { 'llama.rope.scaling.type': 'longrope' }],
    ['CORRUPT', /scaling.factor" is missing/, { 'llama.rope.scaling.type': 'yarn' }],
    [
      'CORRUPT',
      /original_context_length" is missing/,
      { 'llama.rope.scaling.type': 'yarn', 'llama.rope.scaling.factor': 4 },
    ],
    ['CORRUPT', /scaling.factor" is -1/, { 'llama.rope.scaling.factor': -1 }],
    ['CORRUPT', /dimension_count" is 10/, { 'llama.rope.dimension_count': 10 }],
    ['CORRUPT', /dimension_count" is 5/, { 'llama.rope.dimension_count': 5 }],
    ['CORRUPT', /block_count" is missing/, { 'llama.block_count': undefined }],
    ['CORRUPT', /block_count" is 18446744073709551615/, { 'llama.block_count': 2n ** 64n - 1n }],
    ['CORRUPT', /block_count" is "2"/, { 'llama.block_count': '2' }],
  ])('is %s, %s, with the change tried', (code, message, change) => {
    expect(() => fromGguf(change)).toThrow(expect.objectContaining({ code, message: expect.stringMatching(message) }));
  });

  it('refuses factors that are not numbers above 0', () => {
    for (const bad of [0, -1, Number.NaN, Infinity])
      expect(() => fromGguf({}, { 'rope_freqs.weight': Float32Array.of(1, 1, 1, bad) })).toThrow(/4 factors above 0/);
  });
});
