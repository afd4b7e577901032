import { shown } from '../../errors.js';
import type { Architecture } from '../architecture.js';
import { decoder } from '../decoder.js';
import type { DecoderFamily } from '../decoder-family.js';
import { qwen2 } from './qwen2.js';
import { renamed, withTextHalf } from './text-half.js';

const LLAMA: DecoderFamily = {
  architecture: 'llama',
  huggingFaceClasses: ['LlamaForCausalLM', 'MistralForCausalLM'],
  ggufName: 'llama',
  ggufRotary: 'interleaved',
  slidingWindow: 'always',
  queryKeyValueBiases: false,
  queryKeyNorm: null,
  experts: null,
};

const plain = decoder(LLAMA);

/** Text halves leave out what is as in the first Llama of 7B (transformers, LlamaConfig). */
const FIRST_LLAMA = {
  vocab_size: 32000,
  hidden_size: 4096,
  intermediate_size: 11008,
  num_hidden_layers: 32,
  num_attention_heads: 32,
  max_position_embeddings: 2048,
  rms_norm_eps: 1e-6,
};

/** Or as in the first Mistral (MistralConfig). */
const FIRST_MISTRAL = {
  ...{ ...FIRST_LLAMA, intermediate_size: 14336, num_key_value_heads: 8 },
  ...{ max_position_embeddings: 131072, sliding_window: 4096 },
};

/** Text halves by their `model_type`. */
const TEXT_HALVES: Readonly<Record<string, Architecture>> = {
  llama: decoder({ ...LLAMA, huggingFace: { defaults: FIRST_LLAMA } }),
  mistral: decoder({ ...LLAMA, huggingFace: { defaults: FIRST_MISTRAL } }),
  qwen2,
};

/** The text half of a model with pictures, of whatever kind it is. */
const textHalf = withTextHalf(
  {
    ...plain,
    fromHuggingFace(name, config, ...tensors) {
      const type = config.text('model_type') ?? 'llama';
      if (!Object.hasOwn(TEXT_HALVES, type))
        throw config.unsupported(
          'model_type',
          `is ${shown(type)}; text halves that are supported: ${Object.keys(TEXT_HALVES).join(', ')}`,
        );
      return TEXT_HALVES[type].fromHuggingFace(name, config, ...tensors);
    },
  },
  'LlavaForConditionalGeneration',
  'Idefics3ForConditionalGeneration',
  'SmolVLMForConditionalGeneration',
);

/** Ferret's eyes, beside its Llama (arXiv 2310.07704). */
const FERRET = 'FERRETLlamaForCausalLM';
const FERRETS_EYES = /^model\.(vision_tower|mm_projector|region_geo_sampler|region_fea_adapter)\./;
const same = (sourceName: string) => sourceName;

/** Llama 1 to 3 and Mistral 7B; and what models with pictures have of them, or of Qwen 2, as their text half. */
export const llama: Architecture = {
  ...textHalf,
  huggingFaceClasses: [...textHalf.huggingFaceClasses, FERRET],
  fromHuggingFace(name, config, ...tensors) {
    if (config.object('text_config')) return textHalf.fromHuggingFace(name, config, ...tensors);
    const description = plain.fromHuggingFace(name, config, ...tensors);
    const classes = config.raw('architectures');
    const isFerret = Array.isArray(classes) && classes[0] === FERRET;
    return isFerret ? renamed(description, same, same, FERRETS_EYES) : description;
  },
};
