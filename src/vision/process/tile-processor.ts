import { shown } from '../../errors.js';
import type { Fields } from '../../model/fields.js';
import { normalize } from './normalize.js';
import { type Processor, type Size, tilesIn } from './processor.js';
import { normalizationOf, refuseUnknownFields, requireSteps, resamplingOf } from './processor-fields.js';
import { cropped, resized } from './resize.js';

const OWN = ['do_image_splitting', 'do_pad', 'max_image_size', 'video_sampling'];
const STANDARD = { mean: [0.5, 0.5, 0.5], deviation: [0.5, 0.5, 0.5] };
/** Sides beyond this are cut down before anything else (transformers, MAX_IMAGE_SIZE). */
const MOST_SIDE = 4096;

/**
 * The processor of Idefics 3 and SmolVLM: the longer side to a length, then both sides to multiples of a tile; the
 * tiles row by row, and the whole picture as one more. Throws UNSUPPORTED or CORRUPT.
 */
export function tileProcessor(fields: Fields, names: readonly string[], imageSize: number): Processor {
  refuseUnknownFields(fields, names, OWN);
  requireSteps(fields, ['do_resize', 'do_convert_rgb']);
  const filter = resamplingOf(fields, 'lanczos');
  const normalization = normalizationOf(fields, STANDARD);
  const splits = fields.flag('do_image_splitting') !== false;
  const tile = edge(fields, 'max_image_size', 364);
  const longest = edge(fields, 'size', 4 * 364);
  if (tile !== imageSize)
    throw fields.unsupported('max_image_size', `is ${tile}; the vision tower takes tiles of ${imageSize}`);
  const cut = (size: Size) => {
    if (!splits) return { rows: 0, columns: 0, whole: true };
    const { width, height } = toTiles(longestEdge(size, longest), tile);
    return width > tile || height > tile
      ? { rows: height / tile, columns: width / tile, whole: true }
      : { rows: 0, columns: 0, whole: true };
  };
  const side = Math.ceil(Math.min(longest + 1, MOST_SIDE) / tile);
  return {
    mostTiles: splits ? side ** 2 + 1 : 1,
    cut,
    prepare(picture, checkAborted) {
      const first = longestEdge(picture, longest);
      let whole = resized(picture, first.width, first.height, filter, { checkAborted });
      const { rows, columns } = cut(picture);
      const plane = 3 * tile ** 2;
      const tiles = tilesIn({ rows, columns, whole: true });
      const pixels = new Float32Array(tiles * plane);
      if (splits) {
        const { width, height } = toTiles(first, tile);
        whole = resized(whole, width, height, filter, { checkAborted });
      }
      for (let row = 0; row < rows; row++)
        for (let column = 0; column < columns; column++) {
          checkAborted?.();
          const window = { left: column * tile, top: row * tile, width: tile, height: tile };
          normalize(cropped(whole, window), normalization, pixels, (row * columns + column) * plane);
        }
      normalize(resized(whole, tile, tile, filter, { checkAborted }), normalization, pixels, (tiles - 1) * plane);
      return { pixels, tiles };
    },
  };
}

function edge(fields: Fields, key: string, usual: number): number {
  const sides = fields.object(key);
  if (sides === null) return usual;
  if (sides.raw('longest_edge') === undefined)
    throw fields.unsupported(key, `is ${shown(JSON.stringify(fields.raw(key)))}; "longest_edge" is read`);
  return sides.size('longest_edge');
}

/** Sides of which the longer one has a length; the other becomes even. */
function longestEdge({ width, height }: Size, length: number): Size {
  const even = (side: number) => Math.max(1, side % 2 === 0 ? side : side + 1);
  const sized =
    width >= height
      ? { width: length, height: even(Math.trunc(length / (width / height))) }
      : { width: even(Math.trunc(length * (width / height))), height: length };
  const ratio = sized.width / sized.height;
  if (Math.max(sized.width, sized.height) <= MOST_SIDE) return sized;
  return sized.width >= sized.height
    ? { width: MOST_SIDE, height: Math.max(1, Math.trunc(MOST_SIDE / ratio)) }
    : { width: Math.max(1, Math.trunc(MOST_SIDE * ratio)), height: MOST_SIDE };
}

/** Sides that are multiples of a tile's. */
function toTiles({ width, height }: Size, tile: number): Size {
  const up = (side: number) => Math.ceil(side / tile) * tile;
  const ratio = width / height;
  if (width >= height) return { width: up(width), height: up(Math.trunc(up(width) / ratio)) };
  return { width: up(Math.trunc(up(height) * ratio)), height: up(height) };
}
