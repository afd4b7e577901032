const THETA = 10000;

/** How many patches a picture has down and across. */
export interface Patches {
  rows: number;
  columns: number;
}

/** Row and column of a patch: squares row by row, and row by row within a square. */
export function placeOf(patch: number, { columns }: Patches, merge: number): { row: number; column: number } {
  const square = Math.floor(patch / merge ** 2);
  const within = patch % merge ** 2;
  const across = columns / merge;
  return {
    row: Math.floor(square / across) * merge + Math.floor(within / merge),
    column: (square % across) * merge + (within % merge),
  };
}

/**
 * Adds to x[patches, width] the positions table[side * side, width], stretched over the picture with the corners on one
 * another (transformers, modeling_qwen3_vl.py, `fast_pos_embed_interpolate`).
 */
export function addPositions(table: Float32Array, side: number, grid: Patches, merge: number, x: Float32Array): void {
  const width = table.length / side ** 2;
  const at = (index: number, count: number) => {
    const place = count === 1 ? 0 : (index * (side - 1)) / (count - 1);
    const low = Math.floor(place);
    return { low, high: Math.min(low + 1, side - 1), share: place - low };
  };
  for (let patch = 0; patch < grid.rows * grid.columns; patch++) {
    const { row, column } = placeOf(patch, grid, merge);
    const down = at(row, grid.rows);
    const across = at(column, grid.columns);
    const corners: [row: number, column: number, share: number][] = [
      [down.low, across.low, (1 - down.share) * (1 - across.share)],
      [down.low, across.high, (1 - down.share) * across.share],
      [down.high, across.low, down.share * (1 - across.share)],
      [down.high, across.high, down.share * across.share],
    ];
    for (const [i, j, share] of corners) {
      if (share === 0) continue;
      const from = (i * side + j) * width;
      for (let k = 0; k < width; k++) x[patch * width + k] += share * table[from + k];
    }
  }
}

/**
 * Turns vectors[some, width], those of the patches from `first` on, by rows and columns: of the pairs (i, i + headDim /
 * 2) of each head the first half by the row, the other by the column. `width` is that of all heads.
 */
export function gridTurner(
  grid: Patches,
  merge: number,
  width: number,
  headDim: number,
): (vectors: Float32Array, first: number) => void {
  const patches = grid.rows * grid.columns;
  const pairs = headDim / 2;
  const half = pairs / 2;
  const cos = new Float32Array(patches * pairs);
  const sin = new Float32Array(patches * pairs);
  for (let patch = 0; patch < patches; patch++) {
    const { row, column } = placeOf(patch, grid, merge);
    for (let i = 0; i < pairs; i++) {
      const angle = (i < half ? row : column) * THETA ** (-(i % half) / half);
      cos[patch * pairs + i] = Math.cos(angle);
      sin[patch * pairs + i] = Math.sin(angle);
    }
  }
  return (vectors, first) => {
    for (let head = 0; head < vectors.length; head += headDim) {
      const table = (first + Math.floor(head / width)) * pairs;
      for (let i = 0; i < pairs; i++) {
        const a = vectors[head + i];
        const b = vectors[head + i + pairs];
        vectors[head + i] = a * cos[table + i] - b * sin[table + i];
        vectors[head + i + pairs] = a * sin[table + i] + b * cos[table + i];
      }
    }
  };
}
