import { shown } from '../../errors.js';
import type { Fields } from '../../model/fields.js';
import { cropProcessor } from '../process/crop-processor.js';
import type { Processor } from '../process/processor.js';
import { activate } from '../tower/activate.js';
import { Linear } from '../tower/linear.js';
import { Tower } from '../tower/tower.js';
import { huggingFaceTower, type TowerNames } from '../tower/tower-names.js';
import {
  checkTower,
  gridOf,
  type TowerActivation,
  type TowerSpec,
  tokensOf,
  towerActivation,
  visionConfig,
} from '../tower/tower-spec.js';
import type { TowerTensors } from '../tower/tower-tensors.js';
import type { Eyes, ImageToken, VisionSource } from '../vision-model.js';

const TOWER_PREFIXES = ['vision_tower.vision_model.', 'model.vision_tower.vision_model.', 'model.vision_tower.'];
const PROJECTOR_PREFIXES = ['multi_modal_projector.', 'model.multi_modal_projector.'];
const MARKER = '<image>';

/** What the eyes of LLaVA are made of. */
interface LlavaParts {
  spec: TowerSpec;
  names: TowerNames;
  tensors: TowerTensors;
  /** The two layers of the projector, without `.weight` and `.bias`. */
  projector: readonly [string, string];
  biased: boolean;
  activation: TowerActivation;
  /** Whether the class token counts as one of a picture's. */
  keepsClass: boolean;
  hiddenSize: number;
  processor: Processor;
  image: ImageToken;
}

/**
 * LLaVA 1.5 (arXiv 2310.03744): CLIP's tower up to a layer, its class token left out, and two linear layers with GELU
 * between them. Throws UNSUPPORTED or CORRUPT.
 */
export function llavaEyes(parts: LlavaParts): Eyes {
  const { spec, names, tensors, projector, biased, activation, keepsClass, hiddenSize, processor, image } = parts;
  const tower = new Tower(spec, names, tensors);
  const layers = [
    { name: projector[0], shape: [hiddenSize, spec.hiddenSize] },
    { name: projector[1], shape: [hiddenSize, hiddenSize] },
  ] as const;
  for (const { name, shape } of layers) {
    tensors.checked(`${name}.weight`, shape);
    if (biased) tensors.checked(`${name}.bias`, [hiddenSize]);
  }
  const tokens = gridOf(spec) ** 2 + (keepsClass ? 1 : 0);
  const projectorBytes = Math.max(...layers.map(({ name }) => tensors.bytes(`${name}.weight`)));
  return {
    marker: MARKER,
    imageToken: image.token,
    imageTokenId: image.id,
    hiddenSize,
    mostTokens: tokens,
    bytes: tower.bytes(1) + projectorBytes + 4 * (3 * spec.imageSize ** 2 + 2 * tokens * hiddenSize),
    tokens: () => tokens,
    expand: () => image.token.repeat(tokens),
    embed(bridge, picture, checkAborted) {
      const { pixels } = processor.prepare(picture, checkAborted);
      const seen = tower.run(bridge, pixels, 1, checkAborted);
      const patches = keepsClass ? seen : seen.subarray((tokensOf(spec) - tokens) * spec.hiddenSize);
      const wide = new Float32Array(tokens * hiddenSize);
      const rows = new Float32Array(tokens * hiddenSize);
      const run = ({ name, shape }: (typeof layers)[number], x: Float32Array, y: Float32Array) => {
        const linear = new Linear(tensors, bridge, `${name}.weight`, biased ? `${name}.bias` : null, shape);
        try {
          linear.run(x, tokens, y);
        } finally {
          linear.dispose();
        }
      };
      run(layers[0], patches, wide);
      activate(wide, wide.length, activation);
      run(layers[1], wide, rows);
      return rows;
    },
  };
}

/** LLaVA 1.5 of a Hugging Face folder. Throws UNSUPPORTED or CORRUPT. */
export function llavaVision({ config, processor, tensors }: VisionSource): Eyes {
  const vision = visionConfig(config);
  const spec = clipSpec(vision, (layers) => layerLookedAt(config, 'vision_feature_layer', layers));
  const projector = tensors.prefix(PROJECTOR_PREFIXES, 'linear_1.weight');
  return llavaEyes({
    spec,
    names: huggingFaceTower(tensors.prefix(TOWER_PREFIXES, 'embeddings.class_embedding')),
    tensors,
    projector: [`${projector}linear_1`, `${projector}linear_2`],
    biased: config.flag('multimodal_projector_bias') !== false,
    activation: towerActivation(config, 'projector_hidden_act', 'gelu'),
    keepsClass: keepsClassToken(config),
    hiddenSize: config.object('text_config')?.size('hidden_size', 4096) ?? 4096,
    processor: cropProcessor(processor.fields, processor.names, spec.imageSize),
    image: { token: MARKER, id: imageTokenOf(config) },
  });
}

/** CLIP as transformers configures it, with the defaults of its class. `layersOf` says how many of its layers run. */
export function clipSpec(vision: Fields, layersOf: (layers: number) => number): TowerSpec {
  const type = vision.text('model_type');
  if (type !== null && type !== 'clip_vision_model')
    throw vision.unsupported('model_type', `is ${shown(type)}; towers of this kind are read as "clip_vision_model"`);
  const layers = vision.size('num_hidden_layers', 12);
  const spec: TowerSpec = {
    imageSize: vision.size('image_size', 224),
    patchSize: vision.size('patch_size', 32),
    hiddenSize: vision.size('hidden_size', 768),
    intermediateSize: vision.size('intermediate_size', 3072),
    numHeads: vision.size('num_attention_heads', 12),
    numLayers: layersOf(layers),
    epsilon: vision.positive('layer_norm_eps', 1e-5),
    activation: towerActivation(vision, 'hidden_act', 'quick-gelu'),
    classToken: true,
    preNorm: true,
    postNorm: false,
    patchBias: false,
  };
  checkTower(spec, vision);
  return spec;
}

/** Layers that run: the hidden state of index i is that after layer i, and -1 is the last one's. */
export function layerLookedAt(config: Fields, key: string, layers: number): number {
  const index = config.raw(key) ?? -2;
  if (typeof index !== 'number' || !Number.isInteger(index))
    throw config.unsupported(key, `is ${shown(index)}; one layer is supported`);
  const looked = index < 0 ? layers + 1 + index : index;
  if (looked < 0 || looked > layers) throw config.corrupt(key, `is ${index}; the tower has ${layers} layers`);
  return looked;
}

function keepsClassToken(config: Fields): boolean {
  const strategy = config.text('vision_feature_select_strategy') ?? 'default';
  if (strategy !== 'default' && strategy !== 'full')
    throw config.unsupported(
      'vision_feature_select_strategy',
      `is ${shown(strategy)}; "default" and "full" are supported`,
    );
  return strategy === 'full';
}

/** The id of the image token, under either of its two names. */
export function imageTokenOf(config: Fields): number {
  const key = config.raw('image_token_id') === undefined ? 'image_token_index' : 'image_token_id';
  return config.size(key);
}
