import { activation } from '../activation.js';
import type { Architecture } from '../architecture.js';
import { attentionShape } from '../attention-shape.js';
import type { CheckpointNames } from '../checkpoint-names.js';
import { expectedTensors } from '../expected-tensors.js';
import type { ModelSpec } from '../spec.js';
import type { LayerTensor } from '../tensor-names.js';
import { DEFAULT_TRAITS } from '../traits/default.js';
import { refuseQuantized } from '../traits/unknown.js';

/** The table of positions begins with two unused rows (transformers, OPTLearnedPositionalEmbedding). */
const POSITION_OFFSET = 2;

const LAYER: Partial<Record<LayerTensor, string>> = {
  attentionNorm: 'self_attn_layer_norm.weight',
  attentionNormBias: 'self_attn_layer_norm.bias',
  q: 'self_attn.q_proj.weight',
  k: 'self_attn.k_proj.weight',
  v: 'self_attn.v_proj.weight',
  qBias: 'self_attn.q_proj.bias',
  kBias: 'self_attn.k_proj.bias',
  vBias: 'self_attn.v_proj.bias',
  o: 'self_attn.out_proj.weight',
  oBias: 'self_attn.out_proj.bias',
  ffnNorm: 'final_layer_norm.weight',
  ffnNormBias: 'final_layer_norm.bias',
  upBias: 'fc1.bias',
  downBias: 'fc2.bias',
  up: 'fc1.weight',
  down: 'fc2.weight',
};

/** The names of transformers. Checkpoints from before the class had a head lack the leading `model.`. */
const namesUnder = (prefix: string): CheckpointNames => ({
  embedding: `${prefix}decoder.embed_tokens.weight`,
  positions: `${prefix}decoder.embed_positions.weight`,
  finalNorm: `${prefix}decoder.final_layer_norm.weight`,
  finalNormBias: `${prefix}decoder.final_layer_norm.bias`,
  head: 'lm_head.weight',
  layer: (index, tensor) => `${prefix}decoder.layers.${index}.${LAYER[tensor]}`,
});

/** OPT (arXiv 2205.01068): learned positions, layer norms, biases everywhere, ReLU without a gate. */
export const opt: Architecture = {
  name: 'opt',
  huggingFaceClasses: ['OPTForCausalLM', 'OPTModel'],
  ggufName: null,
  mixture: false,

  fromHuggingFace(name, config, holds) {
    if (config.flag('do_layer_norm_before') === false)
      throw config.unsupported(
        'do_layer_norm_before',
        'is false: the variant that norms after each block (opt-350m) is not supported; any other size is',
      );
    const heads = attentionShape(config, {
      hiddenSize: 'hidden_size',
      heads: 'num_attention_heads',
      keyValueHeads: 'num_key_value_heads',
      headDim: 'head_dim',
    });
    refuseQuantized(config);
    if (config.size('word_embed_proj_dim', heads.hiddenSize) !== heads.hiddenSize)
      throw config.unsupported(
        'word_embed_proj_dim',
        'differs from the hidden size (opt-350m), which is not supported',
      );
    if (config.flag('_remove_final_layer_norm') === true)
      throw config.unsupported('_remove_final_layer_norm', 'is true, which is not supported');
    for (const key of ['enable_bias', 'layer_norm_elementwise_affine'])
      if (config.flag(key) === false) throw config.unsupported(key, 'is false, which is not supported');
    const spec: ModelSpec = {
      architecture: 'opt',
      name,
      vocabSize: config.size('vocab_size'),
      intermediateSize: config.size('ffn_dim'),
      numLayers: config.size('num_hidden_layers'),
      ...heads,
      contextLength: config.size('max_position_embeddings'),
      norm: 'layer',
      normEpsilon: 1e-5,
      rotary: null,
      positionOffset: POSITION_OFFSET,
      activation: config.raw('activation_function') === undefined ? 'relu' : activation(config, 'activation_function'),
      gated: false,
      tiedEmbeddings: config.flag('tie_word_embeddings') ?? true,
      queryKeyValueBiases: true,
      outputBias: true,
      feedForwardBiases: true,
      parallelNorm: null,
      queryKeyNorm: null,
      slidingWindow: null,
      ...DEFAULT_TRAITS,
      attentionSinks: false,
      experts: null,
    };
    const names = namesUnder(holds('decoder.embed_tokens.weight') ? '' : 'model.');
    return {
      spec,
      tensors: { [Symbol.iterator]: () => expectedTensors(spec, names) },
      ignores: (sourceName) => sourceName === names.head && spec.tiedEmbeddings,
    };
  },

  fromGguf(_name, metadata) {
    throw metadata.unsupported('general.architecture', 'is "opt", which no GGUF file is known to hold');
  },
};
