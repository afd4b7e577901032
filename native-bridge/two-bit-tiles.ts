import { floatToHalf, halfToFloat } from './blocks.js';

/*
 * A tile of weights in two bits: 16 rows of 256 columns, rows in the lanes of a vector. A weight is step * level -
 * minimum, level 0 to 3. Step and minimum are of a run, 16 columns of a row: four bits each, times factors of the row.
 * It takes 1344 bytes, 2.625 bits a weight:
 *
 *   0     levels: 64 bytes for each run, of which bytes 4r to 4r + 3 are row r's; bits 2k of byte i are column 4k + i
 *   1024  steps: 64 bytes for each 8 runs, of which nibble 8r + i is run i's of row r
 *   1152  minimums: likewise, but nibble 8r + 4 (i % 2) + floor(i / 2)
 *   1280  factors of steps, then of minimums: a half for each row
 */
export const TILE_ROWS = 16;
export const TILE_COLUMNS = 256;
export const TILE_BYTES = 1344;
const RUN = 16;
const RUNS = TILE_COLUMNS / RUN;
const STEPS_AT = 1024;
const MINIMUMS_AT = 1152;
const STEP_FACTORS_AT = 1280;
const MINIMUM_FACTORS_AT = 1312;

/** Neurons of a block of networks. */
export const BLOCK_NEURONS = TILE_COLUMNS;

/**
 * Networks lie in blocks of 256 neurons of a layer. For each 16 neurons a block has the tiles of their rows of gate,
 * where there is one, and then those of up, by columns; behind all of them, for each 16 outputs, the tile of the
 * neurons' columns of down. What neurons, inputs and outputs lack to whole tiles is zeros.
 */
export interface BlockLayout {
  /** Tiles of a row of gate or up. */
  columnTiles: number;
  /** Bytes of the tiles of 16 neurons' gate and up. */
  neuronTileBytes: number;
  downAt: number;
  bytes: number;
}

export function blockLayout(hiddenSize: number, gated: boolean): BlockLayout {
  const columnTiles = Math.ceil(hiddenSize / TILE_COLUMNS);
  const neuronTileBytes = TILE_BYTES * columnTiles * (gated ? 2 : 1);
  const downAt = (BLOCK_NEURONS / TILE_ROWS) * neuronTileBytes;
  return { columnTiles, neuronTileBytes, downAt, bytes: downAt + TILE_BYTES * Math.ceil(hiddenSize / TILE_ROWS) };
}

/** How far towards zero the ends of a run's range are tried: the best of them has the least squares of errors. */
const SHRINKS = [1, 0.9, 0.8];

/** Step and minimum of each run of a row; used again. */
const steps = new Float32Array(RUNS);
const minimums = new Float32Array(RUNS);

/**
 * Writes weights[from, from + 256) as row `row` of the tile at bytes[at..], all of whose bytes were zero. Step and
 * minimum of a run are chosen for the least squares of errors among a few ranges.
 */
export function encodeTileRow(weights: Float32Array, from: number, bytes: Uint8Array, at: number, row: number): void {
  let mostStep = 0;
  let mostMinimum = 0;
  for (let run = 0; run < RUNS; run++) {
    fitRun(weights, from + run * RUN, run);
    if (steps[run] > mostStep) mostStep = steps[run];
    if (minimums[run] > mostMinimum) mostMinimum = minimums[run];
  }
  const stepFactor = putHalf(bytes, at + STEP_FACTORS_AT + 2 * row, mostStep / 15);
  const minimumFactor = putHalf(bytes, at + MINIMUM_FACTORS_AT + 2 * row, mostMinimum / 15);
  for (let run = 0; run < RUNS; run++) {
    const step = stepFactor > 0 ? Math.min(15, Math.round(steps[run] / stepFactor)) : 0;
    const minimum = minimumFactor > 0 ? Math.min(15, Math.round(minimums[run] / minimumFactor)) : 0;
    bytes[at + stepByte(run, row)] |= step << stepShift(run);
    bytes[at + minimumByte(run, row)] |= minimum << minimumShift(run);
    const size = stepFactor * step;
    const below = minimumFactor * minimum;
    const perStep = 1 / size;
    for (let i = 0; size > 0 && i < RUN; i++)
      bytes[at + levelByte(run, row, i)] |= levelOf(weights[from + run * RUN + i] + below, perStep) << levelShift(i);
  }
}

/** into[intoAt..] = the 256 weights of row `row` of the tile at bytes[at..]. */
export function decodeTileRow(bytes: Uint8Array, at: number, row: number, into: Float32Array, intoAt: number): void {
  const half = (offset: number) => halfToFloat(bytes[at + offset + 2 * row] | (bytes[at + offset + 2 * row + 1] << 8));
  const stepFactor = half(STEP_FACTORS_AT);
  const minimumFactor = half(MINIMUM_FACTORS_AT);
  for (let run = 0; run < RUNS; run++) {
    const step = stepFactor * ((bytes[at + stepByte(run, row)] >> stepShift(run)) & 15);
    const minimum = minimumFactor * ((bytes[at + minimumByte(run, row)] >> minimumShift(run)) & 15);
    for (let i = 0; i < RUN; i++) {
      const level = (bytes[at + levelByte(run, row, i)] >> levelShift(i)) & 3;
      into[intoAt + run * RUN + i] = step * level - minimum;
    }
  }
}

const levelByte = (run: number, row: number, column: number) => 64 * run + 4 * row + (column & 3);
const levelShift = (column: number) => 2 * (column >> 2);
const stepByte = (run: number, row: number) => STEPS_AT + 64 * (run >> 3) + 4 * row + ((run & 7) >> 1);
const stepShift = (run: number) => 4 * (run & 1);
const minimumByte = (run: number, row: number) =>
  MINIMUMS_AT + 64 * (run >> 3) + 4 * row + 2 * (run & 1) + ((run & 7) >> 2);
const minimumShift = (run: number) => 4 * ((run >> 1) & 1);

/** Returns what the half says. */
function putHalf(bytes: Uint8Array, at: number, value: number): number {
  const bits = floatToHalf(value);
  bytes[at] = bits & 255;
  bytes[at + 1] = bits >>> 8;
  return halfToFloat(bits);
}

/** Finds step and minimum of a run of weights: weight = step * level - minimum, levels 0 to 3, minimum 0 or more. */
function fitRun(weights: Float32Array, from: number, run: number): void {
  let least = 0;
  let most = 0;
  for (let i = from; i < from + RUN; i++) {
    if (weights[i] < least) least = weights[i];
    if (weights[i] > most) most = weights[i];
  }
  let bestError = Number.POSITIVE_INFINITY;
  for (const shrink of SHRINKS) {
    const low = least * shrink;
    const guess = (most * shrink - low) / 3;
    if (!(guess > 0)) break;
    const perStep = 1 / guess;
    let products = 0;
    let levels = 0;
    let squares = 0;
    for (let i = from; i < from + RUN; i++) {
      const above = weights[i] - low;
      const level = levelOf(above, perStep);
      products += above * level;
      levels += level * level;
      squares += above * above;
    }
    const step = levels > 0 ? products / levels : guess;
    // The sum of (above - step * level)^2 for that step.
    const error = squares - step * products;
    if (error >= bestError) continue;
    bestError = error;
    steps[run] = step;
    minimums[run] = -low;
  }
  if (bestError === Number.POSITIVE_INFINITY) {
    steps[run] = 0;
    minimums[run] = 0;
  }
}

/** The nearest of levels 0 to 3. `perStep` is 1 / step: a division for each weight would take most of the time. */
const levelOf = (above: number, perStep: number): number => Math.min(Math.max(above * perStep + 0.5, 0), 3) | 0;
