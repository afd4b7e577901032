import type { Fields } from '../../model/fields.js';
import { type Cut, type Processor, tilesIn } from '../process/processor.js';
import { tileProcessor } from '../process/tile-processor.js';
import { Linear } from '../tower/linear.js';
import { siglipSpec } from '../tower/siglip-spec.js';
import { Tower } from '../tower/tower.js';
import { huggingFaceTower, type TowerNames } from '../tower/tower-names.js';
import { gridOf, type TowerSpec, visionConfig } from '../tower/tower-spec.js';
import type { TowerTensors } from '../tower/tower-tensors.js';
import type { Eyes, ImageToken, VisionSource } from '../vision-model.js';
import { imageTokenOf } from './llava.js';

const TOWER_PREFIXES = ['model.vision_model.', 'vision_model.'];
const CONNECTOR_PREFIXES = ['model.connector.', 'connector.'];
const IMAGE = '<image>';
const FAKE = '<fake_token_around_image>';
const GLOBAL = '<global-img>';

/** What the eyes of Idefics 3 are made of. */
interface Idefics3Parts {
  spec: TowerSpec;
  names: TowerNames;
  tensors: TowerTensors;
  /** Patches along a side of the squares that become one token. They divide those of a tile. */
  scale: number;
  /** The matrix of the projector. */
  matrix: string;
  hiddenSize: number;
  processor: Processor;
  image: ImageToken;
}

/**
 * Idefics 3 and SmolVLM (arXiv 2408.12637, 2504.05299): SigLIP's tower over tiles and the whole picture; neighbouring
 * patches of a square become one token, and one linear layer takes it to the text half. Throws UNSUPPORTED or CORRUPT.
 */
export function idefics3Eyes(parts: Idefics3Parts): Eyes {
  const { spec, names, tensors, scale, matrix, hiddenSize, processor, image } = parts;
  const { cut, prepare, mostTiles } = processor;
  const tower = new Tower(spec, names, tensors);
  const grid = gridOf(spec);
  const joined = spec.hiddenSize * scale ** 2;
  tensors.checked(matrix, [hiddenSize, joined]);
  const perTile = (grid / scale) ** 2;
  const mostTokens = mostTiles * perTile;
  return {
    marker: IMAGE,
    imageToken: image.token,
    imageTokenId: image.id,
    hiddenSize,
    mostTokens,
    bytes:
      tower.bytes(mostTiles) +
      tensors.bytes(matrix) +
      4 * (mostTiles * 3 * spec.imageSize ** 2 + mostTokens * hiddenSize + perTile * joined),
    tokens: (size) => tilesIn(cut(size)) * perTile,
    expand: (size) => written(cut(size), image.token.repeat(perTile)),
    embed(bridge, picture, checkAborted) {
      const { pixels, tiles } = prepare(picture, checkAborted);
      const seen = tower.run(bridge, pixels, tiles, checkAborted);
      const rows = new Float32Array(tiles * perTile * hiddenSize);
      const shuffled = new Float32Array(perTile * joined);
      const linear = new Linear(tensors, bridge, matrix, null, [hiddenSize, joined]);
      try {
        for (let tile = 0; tile < tiles; tile++) {
          const size = grid ** 2 * spec.hiddenSize;
          joinPatches(seen.subarray(tile * size, (tile + 1) * size), grid, scale, shuffled);
          linear.run(shuffled, perTile, rows.subarray(tile * perTile * hiddenSize, (tile + 1) * perTile * hiddenSize));
        }
      } finally {
        linear.dispose();
      }
      return rows;
    },
  };
}

/** Idefics 3 or SmolVLM of a Hugging Face folder. Throws UNSUPPORTED or CORRUPT. */
export function idefics3Vision({ config, processor, tensors }: VisionSource): Eyes {
  const spec = siglipSpec(visionConfig(config), { patchSize: 32, hiddenSize: 1152, numHeads: 16 });
  const scale = config.size('scale_factor', 2);
  checkScale(config, 'scale_factor', scale, spec);
  const connector = tensors.prefix(CONNECTOR_PREFIXES, 'modality_projection.proj.weight');
  return idefics3Eyes({
    spec,
    names: huggingFaceTower(tensors.prefix(TOWER_PREFIXES, 'embeddings.patch_embedding.weight')),
    tensors,
    scale,
    matrix: `${connector}modality_projection.proj.weight`,
    hiddenSize: textSize(config),
    processor: tileProcessor(processor.fields, processor.names, spec.imageSize),
    image: { token: IMAGE, id: imageTokenOf(config) },
  });
}

/** Throws UNSUPPORTED where squares of so many patches do not fill a tile. */
export function checkScale(fields: Fields, key: string, scale: number, spec: TowerSpec): void {
  const grid = gridOf(spec);
  if (grid % scale !== 0)
    throw fields.unsupported(key, `is ${scale}, which does not divide the ${grid} patches of a tile's side`);
}

/** A picture in a prompt: its tiles row by row, then the whole (transformers, processing_idefics3.py). */
function written({ rows, columns }: Cut, tokens: string): string {
  let text = '';
  for (let row = 1; row <= rows; row++) {
    for (let column = 1; column <= columns; column++) text += `${FAKE}<row_${row}_col_${column}>${tokens}`;
    text += '\n';
  }
  return `${text}${rows > 0 ? '\n' : ''}${FAKE}${GLOBAL}${tokens}${FAKE}`;
}

/** into[tokens, scale * scale * width]: squares of neighbouring patches side by side, row by row within a square. */
function joinPatches(patches: Float32Array, grid: number, scale: number, into: Float32Array): void {
  const width = patches.length / grid ** 2;
  let to = 0;
  for (let row = 0; row < grid; row += scale)
    for (let column = 0; column < grid; column += scale)
      for (let y = row; y < row + scale; y++) {
        const from = (y * grid + column) * width;
        into.set(patches.subarray(from, from + scale * width), to);
        to += scale * width;
      }
}

function textSize(config: Fields): number {
  const text = config.object('text_config');
  if (text === null) throw config.corrupt('text_config', 'is missing; it should describe the text half');
  return text.size('hidden_size');
}
