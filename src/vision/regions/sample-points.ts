import { createHash } from 'node:crypto';
import type { Size } from '../process/processor.js';
import type { RegionPixels } from './region.js';

/** Points of a region that are looked at. */
export const POINTS = 512;

/** Draws whole numbers below a bound, the same ones for the same seed. */
export class Draws {
  readonly #seed: number;
  #block = 0;
  #bytes = Buffer.alloc(0);

  constructor(seed: number) {
    this.#seed = seed;
  }

  below(bound: number): number {
    if (this.#bytes.length < 6) {
      this.#bytes = createHash('sha256')
        .update(`${this.#seed} ${this.#block++}`)
        .digest();
    }
    const drawn = this.#bytes.readUIntBE(0, 6);
    this.#bytes = this.#bytes.subarray(6);
    // 48 bits over a bound of 24: what is uneven is less than a millionth of a millionth.
    return drawn % bound;
  }
}

/**
 * POINTS pixels of a region, [POINTS, 2] as shares of width and height: some at random, or all of them and some again.
 */
export function samplePoints(pixels: RegionPixels, { width, height }: Size, draws: Draws): Float32Array {
  const taken =
    pixels.count > POINTS ? distinct(pixels.count, draws) : Array.from({ length: pixels.count }, (_, number) => number);
  while (taken.length < POINTS) taken.push(draws.below(pixels.count));
  const places = new Map<number, number[]>();
  for (const [place, number] of taken.entries()) places.set(number, [...(places.get(number) ?? []), place]);
  const numbers = [...places.keys()].sort((a, b) => a - b);
  const points = new Float32Array(2 * POINTS);
  let next = 0;
  pixels.visit(numbers, (x, y) => {
    for (const place of places.get(numbers[next])!) {
      points[2 * place] = x / width;
      points[2 * place + 1] = y / height;
    }
    next++;
  });
  return points;
}

/** POINTS different numbers below `count` (Floyd's method). */
function distinct(count: number, draws: Draws): number[] {
  const taken = new Set<number>();
  for (let last = count - POINTS; last < count; last++) {
    const drawn = draws.below(last + 1);
    taken.add(taken.has(drawn) ? last : drawn);
  }
  return [...taken];
}
