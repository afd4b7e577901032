import { FlashrowError } from '../errors.js';
import { asFloats, type MergedTensor } from './merge-tensors.js';
import type { FolderWeights } from './open-weights.js';

const OF_TOWER = 'vision_model.';
/** Where a merged folder has its tower. */
const PLACE = 'model.vision_tower.vision_tower.';
/** Numbers of the positions themselves, which old checkpoints have. */
const POSITION_IDS = `${OF_TOWER}embeddings.position_ids`;
/** By these CLIP ViT-L/14 at 336 pixels is known, the only tower that Ferret comes with. */
const SHAPES: readonly [name: string, shape: readonly number[]][] = [
  [`${OF_TOWER}embeddings.patch_embedding.weight`, [1024, 3, 14, 14]],
  [`${OF_TOWER}embeddings.position_embedding.weight`, [577, 1024]],
];

/**
 * CLIP's tower as a part of a merged model. Its text half is left out. Throws BAD_USAGE for another tower, UNSUPPORTED.
 */
export function towerTensors({ folder, tensors }: FolderWeights): MergedTensor[] {
  for (const [name, shape] of SHAPES)
    if (tensors.get(name)?.shape.join() !== shape.join())
      throw new FlashrowError(
        'BAD_USAGE',
        `${folder} is not CLIP ViT-L/14 at 336 pixels, which Ferret sees by: it has no ${name} of shape [${shape.join(', ')}]`,
        { option: 'vision', path: folder },
      );
  return [...tensors.values()]
    .filter(({ sourceName }) => sourceName.startsWith(OF_TOWER) && sourceName !== POSITION_IDS)
    .map((tensor) => {
      const delta = asFloats(tensor);
      return {
        name: PLACE + tensor.sourceName,
        format: delta.format,
        shape: delta.shape,
        bytes: delta.bytes,
        delta,
        base: null,
      };
    });
}
