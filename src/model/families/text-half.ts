import type { Architecture, ExpectedTensor, ModelDescription } from '../architecture.js';
import { Fields } from '../fields.js';

/** Where folders of models with pictures or sound have their text half, in place of `model.`. */
const PREFIXES = ['model.language_model.', 'language_model.model.', 'model.text_model.'] as const;
/** Where the rest is, which a text does not need. */
const OTHER_HALF = /^(model\.)?(vision_|audio_|visual|embed_vision|embed_audio|multi_modal_projector|connector)/;
/** Fields that stand beside `text_config` and count for the text half. */
const SHARED_FIELDS = ['tie_word_embeddings', 'quantization_config', 'quantization', 'mm_tokens_per_image'];

/**
 * An architecture that also reads folders in which it is the text half of a larger model, of one of `wholeClasses`: its
 * fields are in `text_config`.
 */
export const withTextHalf = (architecture: Architecture, ...wholeClasses: readonly string[]): Architecture => ({
  ...architecture,
  huggingFaceClasses: [...architecture.huggingFaceClasses, ...wholeClasses],
  fromHuggingFace(name, config, holds, folder) {
    const text = config.object('text_config');
    if (!text) return architecture.fromHuggingFace(name, config, holds, folder);
    const fields = new Fields(
      text.where,
      (key) => text.raw(key) ?? (SHARED_FIELDS.includes(key) ? config.raw(key) : undefined),
    );
    const prefix = PREFIXES.find((one) => holds(`${one}embed_tokens.weight`)) ?? PREFIXES[0];
    const head = holds('language_model.lm_head.weight') ? 'language_model.lm_head.weight' : 'lm_head.weight';
    const outside = (source: string) => (source === 'lm_head.weight' ? head : source.replace(/^model\./, prefix));
    const inside = (source: string) =>
      source === head ? 'lm_head.weight' : source.startsWith(prefix) ? `model.${source.slice(prefix.length)}` : source;
    const description = architecture.fromHuggingFace(name, fields, (source) => holds(outside(source)), {
      shape: (source) => folder.shape(outside(source)),
      integers: (source) => folder.integers(outside(source)),
    });
    return renamed(description, outside, inside, OTHER_HALF);
  },
});

function outsideParts(tensor: ExpectedTensor, outside: (sourceName: string) => string) {
  const parts = 'parts' in tensor ? tensor.parts : undefined;
  if (parts === undefined || 'firstRows' in parts) return {};
  return { parts: 'names' in parts ? { ...parts, names: parts.names.map(outside) } : parts.map(outside) };
}

/** The same tensors, where a checkpoint has them under other names. `otherHalf`: names of tensors to leave alone. */
export const renamed = (
  { spec, tensors, ignores }: ModelDescription,
  outside: (sourceName: string) => string,
  inside: (sourceName: string) => string,
  otherHalf?: RegExp,
): ModelDescription => ({
  spec,
  tensors: {
    *[Symbol.iterator]() {
      for (const tensor of tensors) {
        yield { ...tensor, sourceName: outside(tensor.sourceName), ...outsideParts(tensor, outside) } as ExpectedTensor;
      }
    },
  },
  ignores: (sourceName) => otherHalf?.test(sourceName) || ignores(inside(sourceName)),
});
