import { rmsNorm } from '../../dense/norm.js';
import { shown } from '../../errors.js';
import type { Fields } from '../../model/fields.js';
import type { Processor } from '../process/processor.js';
import { squashProcessor } from '../process/squash-processor.js';
import { siglipSpec } from '../tower/siglip-spec.js';
import { Tower } from '../tower/tower.js';
import { huggingFaceTower, type TowerNames } from '../tower/tower-names.js';
import { gridOf, type TowerSpec, visionConfig } from '../tower/tower-spec.js';
import type { TowerTensors } from '../tower/tower-tensors.js';
import type { Eyes, ImageToken, VisionSource } from '../vision-model.js';
import { imageTokenOf } from './llava.js';

const TOWER_PREFIXES = ['vision_tower.vision_model.', 'model.vision_tower.vision_model.', 'model.vision_tower.'];
const PROJECTOR_PREFIXES = ['multi_modal_projector.', 'model.multi_modal_projector.'];
const BEGIN = '<start_of_image>';
const SOFT_TOKEN = '<image_soft_token>';
const END = '<end_of_image>';

/** What the eyes of Gemma 3 are made of. */
interface Gemma3Parts {
  spec: TowerSpec;
  names: TowerNames;
  tensors: TowerTensors;
  /** Patches along a side of the squares that are averaged. */
  pooled: number;
  /** The norm's weight, and what is added to it. */
  norm: { name: string; offset: number };
  /** The last matrix, kept with its inputs as rows: x W, where others have x W^T. */
  matrix: string;
  hiddenSize: number;
  processor: Processor;
  image: ImageToken;
}

/**
 * Gemma 3 (arXiv 2503.19786): SigLIP's tower over the whole picture as a square; squares of patches are averaged, pass
 * a norm, and go through one matrix. Throws UNSUPPORTED or CORRUPT.
 */
export function gemma3Eyes(parts: Gemma3Parts): Eyes {
  const { spec, names, tensors, pooled, norm, matrix, hiddenSize, processor, image } = parts;
  const tower = new Tower(spec, names, tensors);
  const grid = gridOf(spec);
  const tokens = (grid / pooled) ** 2;
  tensors.checked(norm.name, [spec.hiddenSize]);
  tensors.checked(matrix, [spec.hiddenSize, hiddenSize]);
  return {
    marker: BEGIN,
    imageToken: image.token,
    imageTokenId: image.id,
    hiddenSize,
    mostTokens: tokens,
    togetherTokens: tokens,
    bytes:
      tower.bytes(1) + tensors.bytes(matrix) + 4 * (3 * spec.imageSize ** 2 + tokens * (hiddenSize + spec.hiddenSize)),
    tokens: () => tokens,
    expand: () => `\n\n${BEGIN}${image.token.repeat(tokens)}${END}\n\n`,
    embed(bridge, picture, checkAborted) {
      const seen = tower.run(bridge, processor.prepare(picture, checkAborted).pixels, 1, checkAborted);
      const means = averaged(seen, grid, pooled);
      const weight = tensors.values(norm.name, [spec.hiddenSize]).map((value) => value + norm.offset);
      rmsNorm(means, tokens, weight, spec.epsilon, means);
      const rows = new Float32Array(tokens * hiddenSize);
      const weights = tensors.matrix(bridge, matrix, [spec.hiddenSize, hiddenSize]);
      try {
        weights.multiplyHeads(means, tokens, 1, true, rows);
      } finally {
        weights.dispose();
      }
      return rows;
    },
  };
}

/** Gemma 3 of a Hugging Face folder. Throws UNSUPPORTED or CORRUPT. */
export function gemma3Vision({ config, processor, tensors }: VisionSource): Eyes {
  const vision = visionConfig(config);
  checkType(vision);
  const spec = siglipSpec(vision, { patchSize: 16, hiddenSize: 768, numHeads: 12 });
  const tokens = config.size('mm_tokens_per_image', 256);
  const side = Math.sqrt(tokens);
  const grid = gridOf(spec);
  if (!Number.isInteger(side) || grid % side !== 0)
    throw config.unsupported('mm_tokens_per_image', `is ${tokens}; it should be a square whose side divides ${grid}`);
  const projector = tensors.prefix(PROJECTOR_PREFIXES, 'mm_input_projection_weight');
  return gemma3Eyes({
    spec,
    names: huggingFaceTower(tensors.prefix(TOWER_PREFIXES, 'embeddings.patch_embedding.weight')),
    tensors,
    pooled: grid / side,
    norm: { name: `${projector}mm_soft_emb_norm.weight`, offset: 1 },
    matrix: `${projector}mm_input_projection_weight`,
    hiddenSize: config.object('text_config')?.size('hidden_size', 2304) ?? 2304,
    processor: squashProcessor(processor.fields, processor.names, spec.imageSize),
    image: { token: SOFT_TOKEN, id: imageTokenOf(config) },
  });
}

/** [side * side, width]: the mean of each square of `size` x `size` patches[grid * grid, width]. */
function averaged(patches: Float32Array, grid: number, size: number): Float32Array {
  const width = patches.length / grid ** 2;
  const side = grid / size;
  const sums = new Float64Array(side ** 2 * width);
  for (let row = 0; row < grid; row++)
    for (let column = 0; column < grid; column++) {
      const to = (Math.floor(row / size) * side + Math.floor(column / size)) * width;
      const from = (row * grid + column) * width;
      for (let i = 0; i < width; i++) sums[to + i] += patches[from + i];
    }
  return Float32Array.from(sums, (sum) => sum / size ** 2);
}

function checkType(vision: Fields): void {
  const type = vision.text('model_type');
  if (type !== null && type !== 'siglip_vision_model')
    throw vision.unsupported('model_type', `is ${shown(type)}; Gemma 3's tower is read as "siglip_vision_model"`);
}
