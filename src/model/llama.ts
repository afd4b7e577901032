import type { Architecture, ExpectedTensor, ModelDescription } from './architectures.js';
import { type Fields, shown } from './fields.js';
import { GGUF_ROPE_FACTORS, ggufFactors, huggingFaceFactors } from './rope-scaling.js';
import type { Activation, ModelSpec } from './spec.js';
import { EMBEDDING, FINAL_NORM, HEAD, layerTensor } from './tensor-names.js';

/** What each layer has. */
type LlamaTensor = 'attentionNorm' | 'q' | 'k' | 'v' | 'o' | 'ffnNorm' | 'gate' | 'up' | 'down';

/** What one kind of checkpoint calls the tensors. */
interface NameTable {
  embedding: string;
  finalNorm: string;
  head: string;
  layer(index: number, tensor: string): string;
  tensors: Record<LlamaTensor, string>;
}

const HUGGING_FACE: NameTable = {
  embedding: 'model.embed_tokens.weight',
  finalNorm: 'model.norm.weight',
  head: 'lm_head.weight',
  layer: (index, tensor) => `model.layers.${index}.${tensor}.weight`,
  tensors: {
    attentionNorm: 'input_layernorm',
    q: 'self_attn.q_proj',
    k: 'self_attn.k_proj',
    v: 'self_attn.v_proj',
    o: 'self_attn.o_proj',
    ffnNorm: 'post_attention_layernorm',
    gate: 'mlp.gate_proj',
    up: 'mlp.up_proj',
    down: 'mlp.down_proj',
  },
};

const GGUF: NameTable = {
  embedding: 'token_embd.weight',
  finalNorm: 'output_norm.weight',
  head: 'output.weight',
  layer: (index, tensor) => `blk.${index}.${tensor}.weight`,
  tensors: {
    attentionNorm: 'attn_norm',
    q: 'attn_q',
    k: 'attn_k',
    v: 'attn_v',
    o: 'attn_output',
    ffnNorm: 'ffn_norm',
    gate: 'ffn_gate',
    up: 'ffn_up',
    down: 'ffn_down',
  },
};

/** Hugging Face's names for activations (transformers, activations.py). */
const ACTIVATIONS: Readonly<Record<string, Activation>> = {
  relu: 'relu',
  silu: 'silu',
  swish: 'silu',
  gelu: 'gelu',
  gelu_python: 'gelu',
  gelu_new: 'gelu-tanh',
  gelu_fast: 'gelu-tanh',
  gelu_accurate: 'gelu-tanh',
  gelu_pytorch_tanh: 'gelu-tanh',
};

/** Beyond any head that was ever trained; bounds what is computed before a tensor confirms the size. */
const MAX_HEAD_DIM = 65536;

/** Llama 1 to 3 and Mistral 7B: RMS norms, rotary attention with grouped heads, a gated feed-forward network, no biases. */
export const llama: Architecture = {
  huggingFaceClasses: ['LlamaForCausalLM', 'MistralForCausalLM'],
  ggufName: 'llama',

  fromHuggingFace(name, config) {
    for (const key of ['attention_bias', 'mlp_bias'])
      if (config.flag(key)) throw config.unsupported(key, 'is true; projections with biases are not supported');
    if (config.raw('quantization_config') !== undefined)
      throw config.unsupported(
        'quantization_config',
        'says that the weights are quantized; use the original weights or a GGUF file',
      );
    if (config.raw('partial_rotary_factor') !== undefined && config.raw('partial_rotary_factor') !== 1)
      throw config.unsupported(
        'partial_rotary_factor',
        `is ${shown(config.raw('partial_rotary_factor'))}; only 1 is supported`,
      );

    const heads = attentionShape(config, {
      hiddenSize: 'hidden_size',
      heads: 'num_attention_heads',
      keyValueHeads: 'num_key_value_heads',
      headDim: 'head_dim',
    });
    const scaling = config.object('rope_parameters') ?? config.object('rope_scaling');
    const theta =
      config.raw('rope_theta') === undefined && scaling
        ? scaling.positive('rope_theta', 10000)
        : config.positive('rope_theta', 10000);
    const trained = config.size('max_position_embeddings');
    const window = config.raw('sliding_window') === undefined ? trained : config.size('sliding_window');
    return describe(HUGGING_FACE, {
      architecture: 'llama',
      name,
      vocabSize: config.size('vocab_size'),
      intermediateSize: config.size('intermediate_size'),
      numLayers: config.size('num_hidden_layers'),
      ...heads,
      // Within its window a sliding-window model is an ordinary one.
      contextLength: Math.min(trained, window),
      normEpsilon: config.positive('rms_norm_eps', 1e-6),
      rotary: {
        theta,
        dimension: heads.headDim,
        layout: 'halves',
        frequencyFactors: huggingFaceFactors(scaling, theta, heads.headDim),
      },
      activation: activation(config, 'hidden_act'),
      gated: true,
      tiedEmbeddings: config.flag('tie_word_embeddings') ?? false,
      queryKeyValueBiases: false,
      queryKeyNorm: null,
      experts: null,
    });
  },

  fromGguf(name, metadata, tensors) {
    const experts = metadata.raw('llama.expert_count');
    if (experts !== undefined && experts !== 0)
      throw metadata.unsupported(
        'llama.expert_count',
        `is ${shown(experts)}; mixtures of experts are not supported yet`,
      );

    const heads = attentionShape(metadata, {
      hiddenSize: 'llama.embedding_length',
      heads: 'llama.attention.head_count',
      keyValueHeads: 'llama.attention.head_count_kv',
      headDim: 'llama.attention.key_length',
    });
    if (metadata.size('llama.attention.value_length', heads.headDim) !== heads.headDim)
      throw metadata.unsupported(
        'llama.attention.value_length',
        `differs from the keys' ${heads.headDim}, which is not supported`,
      );
    const dimension = metadata.size('llama.rope.dimension_count', heads.headDim);
    if (dimension > heads.headDim || dimension % 2 !== 0)
      throw metadata.corrupt(
        'llama.rope.dimension_count',
        `is ${dimension}; it should be even and at most the head's ${heads.headDim}`,
      );
    const embedding = tensors.shape(GGUF.embedding);
    if (embedding?.length !== 2)
      throw metadata.corrupt(
        GGUF.embedding,
        embedding ? `is of shape [${embedding}]; it should be a matrix` : 'is missing; every model has it',
      );
    const trained = metadata.size('llama.context_length');
    return describe(GGUF, {
      architecture: 'llama',
      name,
      vocabSize: embedding[0],
      intermediateSize: metadata.size('llama.feed_forward_length'),
      numLayers: metadata.size('llama.block_count'),
      ...heads,
      contextLength: trained,
      normEpsilon: metadata.positive('llama.attention.layer_norm_rms_epsilon'),
      rotary: {
        theta: metadata.positive('llama.rope.freq_base', 10000),
        dimension,
        layout: 'interleaved',
        frequencyFactors: ggufFactors('llama', metadata, tensors, dimension),
      },
      activation: activation(metadata, 'llama.hidden_act'),
      gated: true,
      tiedEmbeddings: tensors.shape(GGUF.head) === null,
      queryKeyValueBiases: false,
      queryKeyNorm: null,
      experts: null,
    });
  },
};

function activation(fields: Fields, key: string): Activation {
  const name = fields.text(key) ?? 'silu';
  if (!Object.hasOwn(ACTIVATIONS, name))
    throw fields.unsupported(key, `is ${shown(name)}; supported: ${Object.keys(ACTIVATIONS).join(', ')}`);
  return ACTIVATIONS[name];
}

type AttentionShape = Pick<ModelSpec, 'hiddenSize' | 'numAttentionHeads' | 'numKeyValueHeads' | 'headDim'>;

function attentionShape(
  fields: Fields,
  keys: { hiddenSize: string; heads: string; keyValueHeads: string; headDim: string },
): AttentionShape {
  const hiddenSize = fields.size(keys.hiddenSize);
  const numAttentionHeads = fields.size(keys.heads);
  const numKeyValueHeads = fields.size(keys.keyValueHeads, numAttentionHeads);
  if (numAttentionHeads % numKeyValueHeads !== 0)
    throw fields.corrupt(
      keys.keyValueHeads,
      `is ${numKeyValueHeads}, which does not divide the ${numAttentionHeads} attention heads`,
    );
  if (fields.raw(keys.headDim) === undefined && hiddenSize % numAttentionHeads !== 0)
    throw fields.corrupt(keys.heads, `is ${numAttentionHeads}, which does not divide the hidden size, ${hiddenSize}`);
  const headDim = fields.size(keys.headDim, hiddenSize / numAttentionHeads);
  if (headDim % 2 !== 0 || headDim > MAX_HEAD_DIM)
    throw fields.corrupt(keys.headDim, `comes to ${headDim}; it should be even and at most ${MAX_HEAD_DIM}`);
  return { hiddenSize, numAttentionHeads, numKeyValueHeads, headDim };
}

function describe(names: NameTable, spec: ModelSpec): ModelDescription {
  return {
    spec,
    tensors: { [Symbol.iterator]: () => expectedTensors(names, spec) },
    ignores: (sourceName) =>
      sourceName === GGUF_ROPE_FACTORS ||
      (sourceName === names.head && spec.tiedEmbeddings) ||
      // Older Hugging Face checkpoints carry what theta says anyway.
      sourceName.endsWith('.rotary_emb.inv_freq'),
  };
}

function* expectedTensors(names: NameTable, spec: ModelSpec): Generator<ExpectedTensor> {
  const { hiddenSize, intermediateSize, vocabSize } = spec;
  const queries = spec.numAttentionHeads * spec.headDim;
  const keys = spec.numKeyValueHeads * spec.headDim;
  const shapes: Record<LlamaTensor, number[]> = {
    attentionNorm: [hiddenSize],
    q: [queries, hiddenSize],
    k: [keys, hiddenSize],
    v: [keys, hiddenSize],
    o: [hiddenSize, queries],
    ffnNorm: [hiddenSize],
    gate: [intermediateSize, hiddenSize],
    up: [intermediateSize, hiddenSize],
    down: [hiddenSize, intermediateSize],
  };
  yield { name: EMBEDDING, sourceName: names.embedding, shape: [vocabSize, hiddenSize] };
  for (let layer = 0; layer < spec.numLayers; layer++)
    for (const tensor of Object.keys(shapes) as LlamaTensor[])
      yield {
        name: layerTensor(layer, tensor),
        sourceName: names.layer(layer, names.tensors[tensor]),
        shape: shapes[tensor],
      };
  yield { name: FINAL_NORM, sourceName: names.finalNorm, shape: [hiddenSize] };
  if (!spec.tiedEmbeddings) yield { name: HEAD, sourceName: names.head, shape: [vocabSize, hiddenSize] };
}
