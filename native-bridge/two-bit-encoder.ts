import { floatToHalf, halfToFloat } from './blocks.js';

const BLOCK = 256;
const RUN = 16;
const RUNS = BLOCK / RUN;
const BLOCK_BYTES = 84;
/** How far towards zero the ends of a run's range are tried: the best of them has the least squares of errors. */
const SHRINKS = [1, 0.9, 0.8];

/** Step and minimum of each run of a block, and the two bits of each weight; used again. */
const steps = new Float32Array(RUNS);
const minimums = new Float32Array(RUNS);

/**
 * Writes weights[from, from + count) as Q2_K blocks (low-bit-blocks.ts has the layout) to bytes[at..]. `count` is whole
 * blocks. A run of 16 weights has a step and a minimum of four bits each; both are chosen for the least squares of
 * errors among a few ranges.
 */
export function encodeQ2K(weights: Float32Array, from: number, count: number, bytes: Uint8Array, at: number): void {
  for (let block = 0; block < count / BLOCK; block++)
    encodeBlock(weights, from + block * BLOCK, bytes, at + block * BLOCK_BYTES);
}

function encodeBlock(weights: Float32Array, from: number, bytes: Uint8Array, at: number): void {
  let mostStep = 0;
  let mostMinimum = 0;
  for (let run = 0; run < RUNS; run++) {
    fitRun(weights, from + run * RUN, run);
    if (steps[run] > mostStep) mostStep = steps[run];
    if (minimums[run] > mostMinimum) mostMinimum = minimums[run];
  }
  const scaleBits = floatToHalf(mostStep / 15);
  const minimumBits = floatToHalf(mostMinimum / 15);
  const scale = halfToFloat(scaleBits);
  const minimum = halfToFloat(minimumBits);
  bytes.fill(0, at + RUNS, at + RUNS + BLOCK / 4);
  for (let run = 0; run < RUNS; run++) {
    const step = scale > 0 ? Math.min(15, Math.round(steps[run] / scale)) : 0;
    const base = minimum > 0 ? Math.min(15, Math.round(minimums[run] / minimum)) : 0;
    bytes[at + run] = step | (base << 4);
    const size = scale * step;
    const below = minimum * base;
    for (let i = run * RUN; size > 0 && i < (run + 1) * RUN; i++) {
      const level = levelOf(weights[from + i] + below, size);
      bytes[at + RUNS + 32 * (i >> 7) + (i & 31)] |= level << (2 * ((i >> 5) & 3));
    }
  }
  bytes[at + 80] = scaleBits & 255;
  bytes[at + 81] = scaleBits >>> 8;
  bytes[at + 82] = minimumBits & 255;
  bytes[at + 83] = minimumBits >>> 8;
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
    let products = 0;
    let squares = 0;
    for (let i = from; i < from + RUN; i++) {
      const level = levelOf(weights[i] - low, guess);
      products += (weights[i] - low) * level;
      squares += level * level;
    }
    const step = squares > 0 ? products / squares : guess;
    let error = 0;
    for (let i = from; i < from + RUN; i++) {
      const off = weights[i] - low - step * levelOf(weights[i] - low, guess);
      error += off * off;
    }
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

const levelOf = (above: number, step: number): number => {
  const rounded = above / step + 0.5;
  return rounded < 1 ? 0 : rounded >= 3 ? 3 : rounded | 0;
};
