import type { Fields } from '../../model/fields.js';
import { checkTower, type TowerSpec, towerActivation } from './tower-spec.js';

/** What transformers takes where a config says nothing; families differ in it. */
type SiglipDefaults = Pick<TowerSpec, 'patchSize' | 'hiddenSize' | 'numHeads'>;

/** SigLIP's tower (arXiv 2303.15343) by the `vision_config` of a folder. Throws UNSUPPORTED or CORRUPT. */
export function siglipSpec(vision: Fields, { patchSize, hiddenSize, numHeads }: SiglipDefaults): TowerSpec {
  const spec: TowerSpec = {
    imageSize: vision.size('image_size', 224),
    patchSize: vision.size('patch_size', patchSize),
    hiddenSize: vision.size('hidden_size', hiddenSize),
    intermediateSize: vision.size('intermediate_size', 3072),
    numHeads: vision.size('num_attention_heads', numHeads),
    numLayers: vision.size('num_hidden_layers', 12),
    epsilon: vision.positive('layer_norm_eps', 1e-6),
    activation: towerActivation(vision, 'hidden_act', 'gelu-tanh'),
    classToken: false,
    preNorm: false,
    postNorm: true,
    patchBias: true,
  };
  checkTower(spec, vision);
  return spec;
}
