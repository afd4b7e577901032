import { FlashrowError, shown } from '../../errors.js';
import { gemma3Eyes } from '../models/gemma3.js';
import { checkScale, idefics3Eyes } from '../models/idefics3.js';
import { llavaEyes } from '../models/llava.js';
import { checkGridTower, IMAGE_PAD, QWEN_EPSILON, qwen3VlEyes } from '../models/qwen3-vl.js';
import { cropProcessor } from '../process/crop-processor.js';
import { gridProcessor } from '../process/grid-processor.js';
import { squashProcessor } from '../process/squash-processor.js';
import { tileProcessor } from '../process/tile-processor.js';
import type { TowerSpec } from '../tower/tower-spec.js';
import type { Eyes, ImageToken, TokenIds, VisionModel } from '../vision-model.js';
import { type ClipFile, clipNames, clipTower, openClipFile, processorFields, projectorOf } from './clip-file.js';

/** Eyes by llama.cpp's name of their projector. */
const PROJECTORS: Readonly<Record<string, (file: ClipFile, ids: TokenIds) => Eyes>> = {
  mlp: llavaOf,
  gemma3: gemma3Of,
  idefics3: idefics3Of,
  qwen3vl_merger: qwen3VlOf,
};

/**
 * The eyes of an mmproj file of llama.cpp's, from its header. Such a file names no tokens: `ids` knows those of the
 * text model's vocabulary. Throws UNSUPPORTED for another kind of projector or a vocabulary without the tokens,
 * CORRUPT, NOT_FOUND or IO.
 */
export function openMmproj(path: string, ids: TokenIds): VisionModel {
  const file = openClipFile(path);
  const projector = projectorOf(file.metadata);
  if (!Object.hasOwn(PROJECTORS, projector))
    throw new FlashrowError(
      'UNSUPPORTED',
      `${path} has a projector of type ${shown(projector)}; supported: ${Object.keys(PROJECTORS).join(', ')}`,
      { path, architecture: projector, supported: Object.keys(PROJECTORS) },
    );
  return { ...PROJECTORS[projector](file, ids), digest: file.digest };
}

const SIGLIP = { classToken: false, preNorm: false, postNorm: true, patchBias: true } as const;
const TANH = { gelu: 'gelu-tanh', otherwise: 'gelu-tanh' } as const;

/** LLaVA 1.5: CLIP's tower up to its second last layer. */
function llavaOf(file: ClipFile, ids: TokenIds): Eyes {
  const { metadata, tensors } = file;
  const type = metadata.text('clip.vision.mm_patch_merge_type') ?? 'flat';
  if (type !== 'flat' || metadata.raw('clip.vision.image_grid_pinpoints') !== undefined)
    throw metadata.unsupported(
      'clip.vision.mm_patch_merge_type',
      `is ${shown(type)}: pictures are cut into tiles, as in LLaVA 1.6, which is not supported`,
    );
  for (const other of ['mm.1.weight', 'mm.3.weight', 'mm.4.weight', 'v.image_newline', 'model.image_newline'])
    if (tensors.has(other))
      throw metadata.unsupported('clip.projector_type', `is mlp, but the file has a tensor ${other} besides`);
  const whole = clipTower(file, {
    ...{ classToken: true, preNorm: true, postNorm: false, patchBias: false },
    ...{ gelu: 'gelu', otherwise: 'quick-gelu' },
  });
  const spec = { ...whole, numLayers: llavaLayers(file, whole) };
  const [hiddenSize] = tensors.shape('mm.2.weight');
  const processor = processorFields(file);
  const eyes = llavaEyes({
    ...{ spec, names: clipNames(file, spec), tensors, hiddenSize },
    projector: ['mm.0', 'mm.2'],
    biased: tensors.has('mm.0.bias'),
    activation: 'gelu',
    keepsClass: false,
    processor: cropProcessor(processor.fields, processor.names, spec.imageSize),
    image: tokenOf(file, ids, ['<image>', '<unk>']),
  });
  return { ...eyes, chatTemplate: LLAVA_TEMPLATE };
}

/** How LLaVA 1.5 was trained with conversations, for text halves without a template, as most are. */
const LLAVA_TEMPLATE = [
  "{%- for message in messages %}{%- if message['role'] == 'assistant' %}{{- 'ASSISTANT: ' }}",
  "{%- elif message['role'] == 'user' %}{{- 'USER: ' }}{%- endif %}",
  "{%- if message['content'] is string %}{{- message['content'] }}{%- else %}{%- for part in message['content'] %}",
  "{%- if part['type'] == 'image' %}{{- '<image>\\n' }}{%- else %}{{- part['text'] }}{%- endif %}{%- endfor %}{%- endif %}",
  "{{- '</s>' if message['role'] == 'assistant' else ' ' }}",
  "{%- endfor %}{%- if add_generation_prompt %}{{- 'ASSISTANT:' }}{%- endif %}",
].join('');

/**
 * Layers that LLaVA looks at. Files leave out those that come after them, and the norm at the end (llama.cpp,
 * convert_image_encoder_to_gguf.py): one with that norm is of the whole tower, of which the last layer is left out.
 * llama.cpp itself runs one layer less than its files were made for.
 */
function llavaLayers({ metadata, tensors }: ClipFile, { numLayers }: TowerSpec): number {
  const key = 'clip.vision.feature_layer';
  const asked = metadata.raw(key);
  if (Array.isArray(asked) && asked.length > 1)
    throw metadata.unsupported(key, `is ${shown(asked)}; one layer is supported`);
  const looked = Array.isArray(asked) ? metadata.item(key, 0) : asked === undefined ? null : metadata.size(key);
  if (looked !== null && looked > numLayers) throw metadata.corrupt(key, `is ${looked}; there are ${numLayers} layers`);
  return looked ?? (tensors.has('v.post_ln.weight') ? numLayers - 1 : numLayers);
}

/** Gemma 3: its converter has added 1 to the norm's weight. */
function gemma3Of(file: ClipFile, ids: TokenIds): Eyes {
  const { metadata, tensors } = file;
  const spec = clipTower(file, { ...SIGLIP, ...TANH });
  const pooled = metadata.size('clip.vision.projector.scale_factor', 4);
  checkScale(metadata, 'clip.vision.projector.scale_factor', pooled, spec);
  const processor = processorFields(file);
  return gemma3Eyes({
    ...{ spec, names: clipNames(file, spec), tensors, pooled },
    norm: { name: 'mm.soft_emb_norm.weight', offset: 0 },
    matrix: 'mm.input_projection.weight',
    hiddenSize: tensors.shape('mm.input_projection.weight')[1],
    processor: squashProcessor(processor.fields, processor.names, spec.imageSize),
    image: tokenOf(file, ids, ['<image_soft_token>', '<unk>']),
  });
}

/** Idefics 3 and SmolVLM. The first files do not say how large pictures become: four tiles wide in all models. */
function idefics3Of(file: ClipFile, ids: TokenIds): Eyes {
  const { metadata, tensors } = file;
  const spec = clipTower(file, { ...SIGLIP, ...TANH });
  const scale = metadata.size('clip.vision.projector.scale_factor');
  checkScale(metadata, 'clip.vision.projector.scale_factor', scale, spec);
  const longest = metadata.size('clip.vision.preproc_image_size', 4 * spec.imageSize);
  const processor = processorFields(file, {
    size: { longest_edge: longest },
    max_image_size: { longest_edge: spec.imageSize },
  });
  return idefics3Eyes({
    ...{ spec, names: clipNames(file, spec), tensors, scale },
    matrix: 'mm.model.fc.weight',
    hiddenSize: tensors.shape('mm.model.fc.weight')[0],
    processor: tileProcessor(processor.fields, processor.names, spec.imageSize),
    image: tokenOf(file, ids, ['<image>']),
  });
}

/** What Qwen3-VL's own processor has: 64 and 16384 squares of 32 x 32 pixels. */
const QWEN_PIXELS = { min: 65536, max: 16777216 };

/** Qwen3-VL, whose converter cuts the matrix over two frames in two. */
function qwen3VlOf(file: ClipFile, ids: TokenIds): Eyes {
  const { metadata, tensors } = file;
  const key = (name: string) => `clip.vision.${name}`;
  const tower = clipTower(file, { ...SIGLIP, ...TANH });
  const spec = { ...tower, epsilon: QWEN_EPSILON, merge: metadata.size(key('spatial_merge_size'), 2) };
  checkGridTower(spec, metadata, key('attention.head_count'));
  const names = clipNames(file, spec);
  const flags = metadata.raw(key('is_deepstack_layers'));
  const looked = Array.isArray(flags) ? metadata.perLayer(key('is_deepstack_layers'), spec.numLayers) : [];
  const processor = processorFields(file, {
    min_pixels: metadata.size(key('image_min_pixels'), QWEN_PIXELS.min),
    max_pixels: metadata.size(key('image_max_pixels'), QWEN_PIXELS.max),
  });
  const stacked = (layer: number) => ({
    layer,
    merger: { norm: `v.deepstack.${layer}.norm`, fc1: `v.deepstack.${layer}.fc1`, fc2: `v.deepstack.${layer}.fc2` },
  });
  return qwen3VlEyes({
    ...{ spec, tensors },
    names: {
      ...{ fused: names.fused, layer: names.layer },
      patches: ['v.patch_embd.weight', 'v.patch_embd.weight.1'].map((name) => ({ name, frames: 1 })),
      patchBias: names.tensor('patchBias'),
      positions: names.tensor('positions'),
    },
    merger: { norm: 'v.post_ln', fc1: 'mm.0', fc2: 'mm.2' },
    deepstack: looked.flatMap((is, layer) => (is === true ? [stacked(layer)] : [])),
    hiddenSize: tensors.shape('mm.2.weight')[0],
    processor: gridProcessor(processor.fields, processor.names, spec.patchSize * spec.merge),
    image: tokenOf(file, ids, [IMAGE_PAD]),
  });
}

/** The first of `tokens` that the vocabulary has. Throws UNSUPPORTED where it has none of them. */
function tokenOf({ path }: ClipFile, ids: TokenIds, tokens: readonly string[]): ImageToken {
  for (const token of tokens) {
    const id = ids(token);
    if (id !== null) return { token, id };
  }
  throw new FlashrowError(
    'UNSUPPORTED',
    `the vocabulary has no ${tokens.join(' and no ')}, which pictures of ${path} take the place of: it belongs to another model; name its own as \`vision\``,
    { path },
  );
}
