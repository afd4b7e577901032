import { expect, it } from 'vitest';
import { blockLayout, decodeTileRow, encodeTileRow, TILE_BYTES } from '../../dist/native-bridge/two-bit-tiles.js';
import { random } from '../support/random.js';
import { tileWeight } from './two-bit-weights.js';

/** Rows of 256 weights through tiles of 16 rows, and back. */
function roundTrip(weights: Float32Array): Float32Array {
  const back = new Float32Array(weights.length);
  const tile = new Uint8Array(TILE_BYTES);
  for (let row = 0; row * 256 < weights.length; row++) {
    if (row % 16 === 0) tile.fill(0);
    encodeTileRow(weights, row * 256, tile, 0, row % 16);
    decodeTileRow(tile, 0, row % 16, back, row * 256);
  }
  return back;
}

const relativeError = (a: Float32Array, b: Float32Array): number =>
  Math.sqrt(
    a.reduce((sum, weight, i) => sum + (weight - b[i]) ** 2, 0) / a.reduce((sum, weight) => sum + weight ** 2, 0),
  );

/** About normal: the sum of four uniform numbers. */
const normal = (length: number, seed: number): Float32Array => {
  const next = random(seed);
  return Float32Array.from({ length }, () => next() + next() + next() + next() - 2);
};

it('tiles come near normal weights, as near as four levels in runs of 16 do', () => {
  const weights = normal(256 * 40, 3);
  const error = relativeError(weights, roundTrip(weights));
  // The best four levels for a normal distribution leave an error of 0.343 (J. Max, 1960). A range for each run of 16
  // does about as well, and so do four bits for steps and minimums.
  expect(error).toBeLessThan(0.36);
  expect(error).toBeGreaterThan(0.1);
});

it('weights that four levels can say come back as they were, but for the rounding of the scales', () => {
  const next = random(5);
  const weights = Float32Array.from({ length: 512 }, () => Math.floor(4 * next()) * 0.5 - 0.5);
  // Every run has the least and the most.
  for (let run = 0; run < 512; run += 16) weights.set([-0.5, 1], run);
  expect(relativeError(weights, roundTrip(weights))).toBeLessThan(0.001);
});

it('zeros, and runs of zeros among others, stay zeros', () => {
  expect(roundTrip(new Float32Array(256)).every((weight) => weight === 0)).toBe(true);
  const weights = normal(256, 9);
  weights.fill(0, 32, 48);
  const back = roundTrip(weights);
  expect(back.subarray(32, 48).every((weight) => weight === 0)).toBe(true);
  expect(back.every(Number.isFinite)).toBe(true);
});

it('rows stand where the layout says, and leave those beside them alone', () => {
  const weights = normal(16 * 256, 11);
  const tile = new Uint8Array(TILE_BYTES);
  for (const row of [3, 15, 0, 8]) encodeTileRow(weights, row * 256, tile, 0, row);
  const back = new Float32Array(256);
  for (let row = 0; row < 16; row++) {
    decodeTileRow(tile, 0, row, back, 0);
    const isThere = [3, 15, 0, 8].includes(row);
    for (let column = 0; column < 256; column++) expect(back[column]).toBeCloseTo(tileWeight(tile, row, column), 5);
    expect(back.some((weight) => weight !== 0)).toBe(isThere);
    if (isThere) expect(relativeError(weights.subarray(row * 256, row * 256 + 256), back)).toBeLessThan(0.4);
  }
});

it('a block of 256 neurons takes 2.625 bits a weight', () => {
  expect(blockLayout(1536, true)).toEqual({
    columnTiles: 6,
    neuronTileBytes: 12 * 1344,
    downAt: 16 * 12 * 1344,
    bytes: (3 * 1536 * 256 * 2.625) / 8,
  });
  // 576 inputs fill two tiles and a quarter of one.
  expect(blockLayout(576, false)).toMatchObject({ columnTiles: 3, downAt: 16 * 3 * 1344, bytes: (48 + 36) * 1344 });
});
