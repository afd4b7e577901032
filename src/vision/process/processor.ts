import type { CheckAborted } from '../check-aborted.js';
import type { Picture } from '../decode/picture.js';

/** Width and height in pixels. */
export interface Size {
  width: number;
  height: number;
}

/** How a picture is cut: rows and columns of tiles, and whether the whole picture follows them as one more. */
export interface Cut {
  rows: number;
  columns: number;
  whole: boolean;
}

/** Tiles for a tower, [tiles, 3, size, size]. */
export interface Tiles {
  pixels: Float32Array;
  tiles: number;
}

/** What a model's processor does with a picture before the tower. */
export interface Processor {
  cut(size: Size): Cut;
  prepare(picture: Picture, checkAborted?: CheckAborted): Tiles;
  /** The most tiles that a picture gives. */
  readonly mostTiles: number;
}

export const tilesIn = ({ rows, columns, whole }: Cut): number => rows * columns + (whole ? 1 : 0);
