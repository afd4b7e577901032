import { shown } from '../../errors.js';
import type { Fields } from '../../model/fields.js';

/** The nonlinearities of towers and projectors. `quick-gelu` is x * sigmoid(1.702 x). */
export type TowerActivation = 'quick-gelu' | 'gelu' | 'gelu-tanh';

const ACTIVATIONS: Readonly<Record<string, TowerActivation>> = {
  quick_gelu: 'quick-gelu',
  gelu: 'gelu',
  gelu_python: 'gelu',
  gelu_new: 'gelu-tanh',
  gelu_fast: 'gelu-tanh',
  gelu_accurate: 'gelu-tanh',
  gelu_pytorch_tanh: 'gelu-tanh',
};

/** The activation that a field names. Throws UNSUPPORTED. */
export function towerActivation(fields: Fields, key: string, usual: TowerActivation): TowerActivation {
  const name = fields.text(key);
  if (name === null) return usual;
  if (!Object.hasOwn(ACTIVATIONS, name))
    throw fields.unsupported(
      key,
      `is ${shown(name)}; supported in vision towers: ${Object.keys(ACTIVATIONS).join(', ')}`,
    );
  return ACTIVATIONS[name];
}

/** A vision transformer over square tiles (arXiv 2010.11929): CLIP's and SigLIP's. */
export interface TowerSpec {
  /** Pixels along a side of a tile, and of a patch. */
  imageSize: number;
  patchSize: number;
  hiddenSize: number;
  intermediateSize: number;
  numHeads: number;
  /** Layers that run. A checkpoint may hold more, which a model does not look at. */
  numLayers: number;
  epsilon: number;
  activation: TowerActivation;
  /** Whether a class token stands before the patches. */
  classToken: boolean;
  /** Whether there is a norm before the first layer, and one after the last. */
  preNorm: boolean;
  postNorm: boolean;
  patchBias: boolean;
}

/** Patches along a side of a tile. */
export const gridOf = ({ imageSize, patchSize }: Pick<TowerSpec, 'imageSize' | 'patchSize'>): number =>
  Math.floor(imageSize / patchSize);

/** Tokens of a tile. */
export const tokensOf = (spec: TowerSpec): number => gridOf(spec) ** 2 + (spec.classToken ? 1 : 0);

/** The part of a config that describes the tower. Throws CORRUPT where there is none. */
export function visionConfig(config: Fields): Fields {
  const vision = config.object('vision_config');
  if (vision === null) throw config.corrupt('vision_config', 'is missing; it should describe the vision tower');
  return vision;
}

/** Throws CORRUPT for sizes that do not go together, UNSUPPORTED for pictures of other channels than three. */
export function checkTower(spec: TowerSpec, fields: Fields): void {
  if (fields.size('num_channels', 3) !== 3)
    throw fields.unsupported('num_channels', `is ${shown(fields.raw('num_channels'))}; pictures have 3`);
  if (spec.patchSize > spec.imageSize)
    throw fields.corrupt('patch_size', `is ${spec.patchSize}, more than the ${spec.imageSize} pixels of a picture`);
  if (spec.hiddenSize % spec.numHeads !== 0)
    throw fields.corrupt('num_attention_heads', `is ${spec.numHeads}, which does not divide ${spec.hiddenSize}`);
}
