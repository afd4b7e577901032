import { describe, expect, it } from 'vitest';
import type { ModelDescription, SourceTensors } from '../../../dist/src/model/architecture.js';
import { describeGguf, describeHuggingFace } from '../../../dist/src/model/families/architectures.js';
import { Fields } from '../../../dist/src/model/fields.js';
import type { ModelSpec } from '../../../dist/src/model/spec.js';
import type { LayerTensor } from '../../../dist/src/model/tensor-names.js';
import { expertsSpec, modelSpec } from '../../support/spec.js';

/** A model as small as `modelSpec()`, in config.json's terms and in GGUF's. */
const CONFIG = {
  hidden_size: 64,
  intermediate_size: 160,
  max_position_embeddings: 512,
  num_attention_heads: 4,
  num_hidden_layers: 2,
  num_key_value_heads: 2,
  vocab_size: 512,
  rms_norm_eps: 1e-5,
};
const METADATA = {
  embedding_length: 64,
  feed_forward_length: 160,
  context_length: 512,
  block_count: 2,
  'attention.head_count': 4,
  'attention.head_count_kv': 2,
  'attention.layer_norm_rms_epsilon': 1e-5,
};

type Names = Partial<Record<LayerTensor, string>>;

/** Llama's, after `model.layers.0.` and `blk.0.`: other families' are compared with these. */
const LLAMA_NAMES: { huggingFace: Names; gguf: Names } = {
  huggingFace: {
    attentionNorm: 'input_layernorm.weight',
    q: 'self_attn.q_proj.weight',
    k: 'self_attn.k_proj.weight',
    v: 'self_attn.v_proj.weight',
    o: 'self_attn.o_proj.weight',
    ffnNorm: 'post_attention_layernorm.weight',
    gate: 'mlp.gate_proj.weight',
    up: 'mlp.up_proj.weight',
    down: 'mlp.down_proj.weight',
  },
  gguf: {
    attentionNorm: 'attn_norm.weight',
    q: 'attn_q.weight',
    k: 'attn_k.weight',
    v: 'attn_v.weight',
    o: 'attn_output.weight',
    ffnNorm: 'ffn_norm.weight',
    gate: 'ffn_gate.weight',
    up: 'ffn_up.weight',
    down: 'ffn_down.weight',
  },
};

const QUERY_KEY_VALUE_BIASES = {
  huggingFace: {
    qBias: 'self_attn.q_proj.bias',
    kBias: 'self_attn.k_proj.bias',
    vBias: 'self_attn.v_proj.bias',
  },
  gguf: { qBias: 'attn_q.bias', kBias: 'attn_k.bias', vBias: 'attn_v.bias' },
};
const QUERY_KEY_NORMS = {
  huggingFace: { qNorm: 'self_attn.q_norm.weight', kNorm: 'self_attn.k_norm.weight' },
  gguf: { qNorm: 'attn_q_norm.weight', kNorm: 'attn_k_norm.weight' },
};
const EXPERTS = {
  huggingFace: { router: 'mlp.gate.weight' },
  gguf: {
    router: 'ffn_gate_inp.weight',
    gate: 'ffn_gate_exps.weight',
    up: 'ffn_up_exps.weight',
    down: 'ffn_down_exps.weight',
  },
};
const SANDWICHED = {
  huggingFace: {
    ffnNorm: 'pre_feedforward_layernorm.weight',
    postAttentionNorm: 'post_attention_layernorm.weight',
    postFfnNorm: 'post_feedforward_layernorm.weight',
  },
  gguf: { postAttentionNorm: 'post_attention_norm.weight', postFfnNorm: 'post_ffw_norm.weight' },
};
const GEMMA = { activation: 'gelu-tanh', tiedEmbeddings: true, embeddingScale: 8, queryScale: 1 } as const;

interface Family {
  classes: string[];
  config?: object;
  gguf: string;
  metadata?: object;
  /** What differs from a small Llama that is untied. */
  spec: Partial<ModelSpec>;
  names?: { huggingFace: Names; gguf: Names }[];
  /** Names of one expert's tensors, or of stacks, that have to be among those of layer 0 in a Hugging Face folder. */
  expertNames?: string[];
}

const experts = expertsSpec;
const expertConfig = { num_experts: 8, num_experts_per_tok: 2, moe_intermediate_size: 24 };
const expertMetadata = { expert_count: 8, expert_used_count: 2 };
const projections = ['gate', 'up', 'down'].map((part) => `mlp.experts.7.${part}_proj.weight`);

const FAMILIES: Record<string, Family> = {
  llama: {
    classes: ['LlamaForCausalLM', 'MistralForCausalLM'],
    gguf: 'llama',
    spec: { architecture: 'llama' },
  },
  qwen2: {
    classes: ['Qwen2ForCausalLM'],
    gguf: 'qwen2',
    spec: { architecture: 'qwen2', queryKeyValueBiases: true },
    names: [QUERY_KEY_VALUE_BIASES],
  },
  qwen3: {
    classes: ['Qwen3ForCausalLM'],
    gguf: 'qwen3',
    spec: { architecture: 'qwen3', queryKeyNorm: 'head' },
    names: [QUERY_KEY_NORMS],
  },
  'qwen3-vl': {
    classes: [],
    gguf: 'qwen3vl',
    metadata: { 'rope.dimension_sections': [1, 1, 0, 0] },
    spec: { architecture: 'qwen3-vl', queryKeyNorm: 'head', rotary: { ...modelSpec().rotary!, sections: [1, 1, 0] } },
    names: [QUERY_KEY_NORMS],
  },
  phi3: {
    classes: ['Phi3ForCausalLM'],
    gguf: 'phi3',
    spec: { architecture: 'phi3' },
    names: [
      {
        huggingFace: {
          q: 'self_attn.qkv_proj.weight',
          k: 'self_attn.qkv_proj.weight',
          v: 'self_attn.qkv_proj.weight',
          gate: 'mlp.gate_up_proj.weight',
          up: 'mlp.gate_up_proj.weight',
        },
        gguf: { q: 'attn_qkv.weight', k: 'attn_qkv.weight', v: 'attn_qkv.weight', gate: 'ffn_up.weight' },
      },
    ],
  },
  gemma: {
    classes: ['GemmaForCausalLM'],
    gguf: 'gemma',
    spec: { architecture: 'gemma', ...GEMMA, normOffset: 1 },
  },
  gemma2: {
    classes: ['Gemma2ForCausalLM'],
    config: { sliding_window: 128 },
    gguf: 'gemma2',
    metadata: { 'attention.sliding_window': 128 },
    spec: {
      architecture: 'gemma2',
      ...GEMMA,
      normOffset: 1,
      postNorms: true,
      attentionSoftCap: 50,
      logitSoftCap: 30,
      slidingWindow: { size: 128, fullEvery: 2, theta: null, layers: null, heads: null },
    },
    names: [SANDWICHED],
  },
  gemma3: {
    classes: ['Gemma3ForCausalLM'],
    config: { sliding_window: 128 },
    gguf: 'gemma3',
    metadata: { 'attention.sliding_window': 128 },
    spec: {
      architecture: 'gemma3',
      ...GEMMA,
      normOffset: 1,
      postNorms: true,
      queryKeyNorm: 'head',
      slidingWindow: { size: 128, fullEvery: 6, theta: 10000, layers: null, heads: null },
    },
    names: [SANDWICHED, QUERY_KEY_NORMS],
  },
  mixtral: {
    classes: ['MixtralForCausalLM'],
    config: { num_local_experts: 8, num_experts_per_tok: 2, intermediate_size: 24 },
    gguf: 'llama',
    metadata: { ...expertMetadata, feed_forward_length: 24 },
    spec: { architecture: 'mixtral', intermediateSize: 24, experts: experts() },
    names: [EXPERTS, { huggingFace: { router: 'block_sparse_moe.gate.weight' }, gguf: {} }],
    expertNames: ['w1', 'w2', 'w3'].map((part) => `block_sparse_moe.experts.7.${part}.weight`),
  },
  olmoe: {
    classes: ['OlmoeForCausalLM'],
    config: { num_experts: 8, num_experts_per_tok: 2, intermediate_size: 24 },
    gguf: 'olmoe',
    metadata: { ...expertMetadata, feed_forward_length: 24 },
    spec: {
      architecture: 'olmoe',
      intermediateSize: 24,
      queryKeyNorm: 'all',
      experts: experts({ normalizeWeights: false }),
    },
    names: [EXPERTS, QUERY_KEY_NORMS],
    expertNames: projections,
  },
  'qwen2-moe': {
    classes: ['Qwen2MoeForCausalLM'],
    config: { ...expertConfig, shared_expert_intermediate_size: 40 },
    gguf: 'qwen2moe',
    metadata: { ...expertMetadata, expert_feed_forward_length: 24, expert_shared_feed_forward_length: 40 },
    spec: {
      architecture: 'qwen2-moe',
      queryKeyValueBiases: true,
      experts: experts({ normalizeWeights: false, sharedIntermediateSize: 40 }),
    },
    names: [
      EXPERTS,
      QUERY_KEY_VALUE_BIASES,
      {
        huggingFace: {
          sharedRouter: 'mlp.shared_expert_gate.weight',
          sharedGate: 'mlp.shared_expert.gate_proj.weight',
          sharedUp: 'mlp.shared_expert.up_proj.weight',
          sharedDown: 'mlp.shared_expert.down_proj.weight',
        },
        gguf: {
          sharedRouter: 'ffn_gate_inp_shexp.weight',
          sharedGate: 'ffn_gate_shexp.weight',
          sharedUp: 'ffn_up_shexp.weight',
          sharedDown: 'ffn_down_shexp.weight',
        },
      },
    ],
    expertNames: projections,
  },
  'qwen3-moe': {
    classes: ['Qwen3MoeForCausalLM'],
    config: expertConfig,
    gguf: 'qwen3moe',
    metadata: { ...expertMetadata, expert_feed_forward_length: 24 },
    spec: { architecture: 'qwen3-moe', queryKeyNorm: 'head', experts: experts() },
    names: [EXPERTS, QUERY_KEY_NORMS],
    expertNames: projections,
  },
  'qwen3-vl-moe': {
    classes: [],
    gguf: 'qwen3vlmoe',
    metadata: { ...expertMetadata, expert_feed_forward_length: 24, 'rope.dimension_sections': [1, 1, 0, 0] },
    spec: {
      architecture: 'qwen3-vl-moe',
      queryKeyNorm: 'head',
      rotary: { ...modelSpec().rotary!, sections: [1, 1, 0] },
      experts: experts(),
    },
    names: [EXPERTS, QUERY_KEY_NORMS],
  },
  'gpt-oss': {
    classes: ['GptOssForCausalLM'],
    config: {
      num_local_experts: 8,
      experts_per_token: 2,
      intermediate_size: 32,
      sliding_window: 128,
      attention_bias: true,
      quantization_config: { quant_method: 'mxfp4' },
    },
    gguf: 'gpt-oss',
    metadata: { ...expertMetadata, feed_forward_length: 32, 'attention.sliding_window': 128 },
    spec: {
      architecture: 'gpt-oss',
      intermediateSize: 32,
      queryKeyValueBiases: true,
      outputBias: true,
      feedForwardBiases: true,
      attentionSinks: true,
      activation: 'clamped-swiglu',
      slidingWindow: { size: 128, fullEvery: 2, theta: null, layers: null, heads: null },
      experts: experts({ intermediateSize: 32 }),
    },
    names: [
      EXPERTS,
      QUERY_KEY_VALUE_BIASES,
      {
        huggingFace: {
          sinks: 'self_attn.sinks',
          oBias: 'self_attn.o_proj.bias',
          router: 'mlp.router.weight',
          routerBias: 'mlp.router.bias',
        },
        gguf: {
          sinks: 'attn_sinks.weight',
          oBias: 'attn_output.bias',
          ffnNorm: 'post_attention_norm.weight',
          routerBias: 'ffn_gate_inp.bias',
          gateBias: 'ffn_gate_exps.bias',
          upBias: 'ffn_up_exps.bias',
          downBias: 'ffn_down_exps.bias',
        },
      },
    ],
    expertNames: ['gate_up_proj_blocks', 'gate_up_proj_scales', 'down_proj_blocks', 'gate_up_proj_bias'].map(
      (name) => `mlp.experts.${name}`,
    ),
  },
};

const fromConfig = (className: string, { config }: Family) =>
  describeHuggingFace(
    'test',
    Fields.of('config.json', { ...CONFIG, ...config, architectures: [className] }),
    // gpt-oss as it was published, in MXFP4.
    (name) => name.endsWith('_blocks'),
  );

function fromGguf({ gguf, metadata, spec }: Family) {
  const values = Object.entries({ ...METADATA, ...metadata }).map(([key, value]) => [`${gguf}.${key}`, value]);
  const shapes: Record<string, number[]> = { 'token_embd.weight': [512, 64] };
  if (!spec.tiedEmbeddings) shapes['output.weight'] = [512, 64];
  if (spec.experts) shapes['blk.0.ffn_down_exps.weight'] = [8, 64, spec.experts.intermediateSize];
  const tensors: SourceTensors = { shape: (name) => shapes[name] ?? null, floats: () => new Float32Array() };
  const all = Object.fromEntries(values.concat([['general.architecture', gguf]]));
  return describeGguf('test', Fields.of('m.gguf', all), tensors);
}

const layerNames = ({ tensors }: ModelDescription, prefix: string): Names =>
  Object.fromEntries(
    [...tensors]
      .filter(({ name }) => name.startsWith('layers.0.'))
      .map(({ name, sourceName }) => [name.slice('layers.0.'.length), sourceName.slice(prefix.length)]),
  );

const STREAMED = /^(gate|up|down)(Bias)?$/;
/** Without those of experts, which a Hugging Face folder may hold one by one. */
const apartFromExperts = (names: Names, { spec }: Family): Names =>
  Object.fromEntries(Object.entries(names).filter(([name]) => !spec.experts || !STREAMED.test(name)));

describe.each(Object.entries(FAMILIES))('%s', (_, family) => {
  const expected = modelSpec({ tiedEmbeddings: false, ...family.spec });

  it.each(family.classes)('is read from the config.json of a %s', (className) => {
    const described = fromConfig(className, family);
    expect(described.spec).toEqual(expected);
    const names = Object.assign({ ...LLAMA_NAMES.huggingFace }, ...(family.names ?? []).map((one) => one.huggingFace));
    expect(apartFromExperts(layerNames(described, 'model.layers.0.'), family)).toEqual(apartFromExperts(names, family));
    const everything = JSON.stringify([...described.tensors]);
    for (const name of family.expertNames ?? []) expect(everything).toContain(`"model.layers.0.${name}"`);
  });

  it('is read from the metadata of a GGUF file', () => {
    const described = fromGguf(family);
    // Norms are whole there, and Llama's pairs are neighbours.
    const layout = family.gguf === 'llama' ? 'interleaved' : 'halves';
    expect(described.spec).toEqual({ ...expected, normOffset: 0, rotary: { ...expected.rotary!, layout } });
    const names = Object.assign({ ...LLAMA_NAMES.gguf }, ...(family.names ?? []).map(({ gguf }) => gguf));
    expect(layerNames(described, 'blk.0.')).toEqual(names);
  });
});
