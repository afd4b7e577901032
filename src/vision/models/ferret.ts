import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Bridge } from '../../../native-bridge/bridge.js';
import { FlashrowError, shown } from '../../errors.js';
import { openFolder } from '../../import/hugging-face.js';
import { Fields } from '../../model/fields.js';
import type { Picture } from '../decode/picture.js';
import { cropProcessor } from '../process/crop-processor.js';
import { pixelsOf, writtenRegion } from '../regions/region.js';
import { featuresAt, RegionSampler } from '../regions/region-sampler.js';
import { Draws, samplePoints } from '../regions/sample-points.js';
import { Linear } from '../tower/linear.js';
import { Tower } from '../tower/tower.js';
import { huggingFaceTower } from '../tower/tower-names.js';
import { gridOf, tokensOf } from '../tower/tower-spec.js';
import { TowerTensors } from '../tower/tower-tensors.js';
import type { Eyes, RegionEyes, VisionSource } from '../vision-model.js';
import { clipSpec, layerLookedAt } from './llava.js';

const TOWER_PREFIXES = ['model.vision_tower.vision_tower.vision_model.', 'model.vision_tower.vision_model.'];
const PROJECTOR = 'model.mm_projector';
const SAMPLER = 'model.region_geo_sampler.';
const REGION_TOKEN = '<region_fea>';
/** The image token of its code is none of the vocabulary. This one is, and no text has it. */
const STAND_IN = '<unk>';
const STAND_IN_ID = 0;

/**
 * CLIP ViT-L/14 at 336 pixels, the only tower that Ferret comes with. Its folder keeps config.json to itself where the
 * tower is part of the model's own.
 */
const CLIP_LARGE = {
  ...{ hidden_size: 1024, intermediate_size: 4096, num_attention_heads: 16, num_hidden_layers: 24 },
  ...{ image_size: 336, patch_size: 14, hidden_act: 'quick_gelu', layer_norm_eps: 1e-5 },
};

/**
 * Ferret (arXiv 2310.07704): CLIP's tower up to a layer, its class token left out, and one linear
 * layer. The whole picture becomes a square. Regions are told by their coordinates, and by what a sampler finds in
 * them. Throws NOT_FOUND, UNSUPPORTED or CORRUPT.
 */
export function ferretVision(source: VisionSource): Eyes {
  const { config, path, tensors } = source;
  const kept = tensors.prefix(TOWER_PREFIXES, 'embeddings.class_embedding');
  const apart = tensors.has(`${kept}embeddings.class_embedding`) ? null : openTower(path, config);
  const vision = apart?.config ?? Fields.of(config.where, CLIP_LARGE);
  const spec = clipSpec(vision, (layers) => layerLookedAt(config, 'mm_vision_select_layer', layers));
  const tower = new Tower(spec, huggingFaceTower(apart?.prefix ?? kept), apart?.tensors ?? tensors);
  const feature = config.text('mm_vision_select_feature') ?? 'patch';
  if (feature !== 'patch')
    throw config.unsupported('mm_vision_select_feature', `is ${shown(feature)}; "patch" is supported`);
  const kind = config.text('mm_projector_type') ?? 'linear';
  if (kind !== 'linear') throw config.unsupported('mm_projector_type', `is ${shown(kind)}; "linear" is supported`);
  if (config.flag('mm_use_im_start_end') === true)
    throw config.unsupported('mm_use_im_start_end', 'is true; tokens around pictures are not supported');
  const hiddenSize = config.size('hidden_size');
  const shape = [hiddenSize, spec.hiddenSize] as const;
  tensors.checked(`${PROJECTOR}.weight`, shape);
  tensors.checked(`${PROJECTOR}.bias`, [hiddenSize]);
  const square = {
    size: { height: spec.imageSize, width: spec.imageSize },
    do_center_crop: false,
  };
  const { prepare } = cropProcessor(Fields.of(path, square), Object.keys(square), spec.imageSize);
  const tokens = gridOf(spec) ** 2;
  /** What the tower makes of a picture: its question may be about regions of it, too. */
  const known = new WeakMap<Picture, Float32Array>();
  const look = (bridge: Bridge, picture: Picture, checkAborted: () => void): Float32Array => {
    const before = known.get(picture);
    if (before) return before;
    const seen = tower.run(bridge, prepare(picture, checkAborted).pixels, 1, checkAborted);
    const patches = seen.subarray((tokensOf(spec) - tokens) * spec.hiddenSize);
    known.set(picture, patches);
    return patches;
  };
  const regions = regionEyes(source, spec.hiddenSize, look);
  return {
    regions: regions?.eyes,
    writesBoxes: true,
    marker: '<image>',
    imageToken: STAND_IN,
    imageTokenId: STAND_IN_ID,
    hiddenSize,
    mostTokens: tokens,
    chatTemplate: CHAT_TEMPLATE,
    bytes:
      tower.bytes(1) +
      (regions?.bytes ?? 0) +
      tensors.bytes(`${PROJECTOR}.weight`) +
      4 * (3 * spec.imageSize ** 2 + tokens * hiddenSize),
    tokens: () => tokens,
    expand: () => STAND_IN.repeat(tokens),
    embed(bridge, picture, checkAborted) {
      const rows = new Float32Array(tokens * hiddenSize);
      const linear = new Linear(tensors, bridge, `${PROJECTOR}.weight`, `${PROJECTOR}.bias`, shape);
      try {
        linear.run(look(bridge, picture, checkAborted), tokens, rows);
      } finally {
        linear.dispose();
      }
      return rows;
    },
  };
}

/** The sampler of regions; null for a folder without. Throws UNSUPPORTED or CORRUPT. */
function regionEyes(
  { config, tensors }: VisionSource,
  width: number,
  look: (bridge: Bridge, picture: Picture, checkAborted: () => void) => Float32Array,
): { eyes: RegionEyes; bytes: number } | null {
  if (!tensors.has(`${SAMPLER}flatten_projector.weight`)) return null;
  const pooling = config.text('sampler_pooler_mode') ?? 'max';
  if (pooling !== 'max') throw config.unsupported('sampler_pooler_mode', `is ${shown(pooling)}; "max" is supported`);
  const sampler = new RegionSampler(tensors, SAMPLER, width, config.size('hidden_size'));
  const eyes: RegionEyes = {
    marker: '<region>',
    token: REGION_TOKEN,
    tokenId: config.size('im_region_fea_token'),
    expand: (region, size) => `${writtenRegion(region, size)} ${REGION_TOKEN}`,
    embed(bridge, picture, region, seed, checkAborted) {
      const grid = look(bridge, picture, checkAborted);
      const draws = new Draws(seed);
      const points = samplePoints(pixelsOf(region, picture), picture, draws);
      const features = featuresAt(grid, Math.sqrt(grid.length / width), points);
      return sampler.run(bridge, points, features, (count) => draws.below(count));
    },
  };
  return { eyes, bytes: sampler.bytes };
}

/** A tower in a folder of its own, which `mm_vision_tower` names from the model's folder on. */
function openTower(path: string, config: Fields) {
  const named = config.text('mm_vision_tower');
  const folder = named === null ? null : join(path, named);
  if (folder === null || !existsSync(join(folder, 'config.json')))
    throw new FlashrowError(
      'NOT_FOUND',
      `${path} holds no vision tower; put the folder of ${named ?? 'its CLIP model'} at ${folder ?? join(path, 'its name')}, with config.json and safetensors`,
      { path },
    );
  const opened = openFolder(folder);
  const vision = opened.config.object('vision_config') ?? opened.config;
  // A text half of CLIP may be there, too, and is left alone.
  return { config: vision, prefix: 'vision_model.', tensors: new TowerTensors(folder, opened.tensors) };
}

/** The conversation that Ferret was trained with; its folders have no template. */
const CHAT_TEMPLATE = [
  "{%- for message in messages %}{%- if loop.first and message['role'] != 'system' %}",
  "{{- 'A chat between a human and an AI that understands visuals. In images, [x, y] denotes points: top-left [0, 0], bottom-right [width-1, height-1]. Increasing x moves right; y moves down. Bounding box: [x1, y1, x2, y2]. Image size: 1000x1000. Follow instructions.  ' }}{%- endif %}",
  "{%- if message['role'] == 'assistant' %}{{- 'ASSISTANT: ' }}{%- elif message['role'] == 'user' %}{{- 'USER: ' }}{%- endif %}",
  "{%- if message['content'] is string %}{{- message['content'] }}{%- else %}",
  "{%- for part in message['content'] %}{%- if part['type'] == 'image' %}{{- '<image>\\n' }}{%- elif part['type'] == 'region' %}{{- '<region>' }}{%- else %}{{- part['text'] }}{%- endif %}{%- endfor %}{%- endif %}",
  "{%- if message['role'] == 'assistant' %}{{- '</s>' }}{%- elif message['role'] == 'system' %}{{- '  ' }}{%- else %}{{- ' ' }}{%- endif %}",
  "{%- endfor %}{%- if add_generation_prompt %}{{- 'ASSISTANT:' }}{%- endif %}",
].join('');
