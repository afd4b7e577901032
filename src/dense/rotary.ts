import { windowOf } from '../model/sliding-window.js';
import type { ModelSpec, RotarySpec } from '../model/spec.js';

/** Time, row and column of a position. */
export const POSITION_PARTS = 3;

/**
 * Rotary position embedding (arXiv 2104.09864). Pair i of a head at position p turns by the angle
 * p * theta^(-2i / dimension) / frequencyFactors[i], and grows by `magnitude`.
 * The cosines and sines of the positions of a pass are kept, so that all of its layers share them.
 */
export class Rotary {
  readonly #headDim: number;
  /** The first number of a head that turns. */
  readonly #first: number;
  /** Steps from the first number of a pair to the second, and from one pair to the next. */
  readonly #partner: number;
  readonly #step: number;
  /** Radians per position, in double: at position 100,000 a float would be off by a hundredth. */
  readonly #speeds: Float64Array;
  readonly #magnitude: number;
  readonly #cos: Float64Array;
  readonly #sin: Float64Array;
  /** The part of its position that each pair turns by; null where positions have one part. */
  readonly #parts: Uint8Array | null;
  readonly #maxTokens: number;
  /** The positions that the tables are of, [parts, maxTokens], and of how many tokens. */
  readonly #positions: Int32Array;
  #tokens = 0;

  /** The `spec.dimension` numbers of a head from `first` on turn. */
  constructor(spec: RotarySpec, headDim: number, maxTokens: number, first = 0) {
    const pairs = spec.dimension / 2;
    this.#headDim = headDim;
    this.#first = first;
    this.#partner = spec.layout === 'interleaved' ? 1 : pairs;
    this.#step = spec.layout === 'interleaved' ? 2 : 1;
    this.#speeds = Float64Array.from(
      { length: pairs },
      (_, i) => spec.theta ** ((-2 * i) / spec.dimension) / (spec.frequencyFactors?.[i] ?? 1),
    );
    this.#magnitude = spec.magnitude;
    this.#cos = new Float64Array(maxTokens * pairs);
    this.#sin = new Float64Array(maxTokens * pairs);
    this.#parts = spec.sections ? partsOf(spec.sections, pairs) : null;
    this.#maxTokens = maxTokens;
    this.#positions = new Int32Array((this.#parts ? POSITION_PARTS : 1) * maxTokens);
  }

  /**
   * Turns every head of vectors[tokens, heads * headDim] in place, or turns it back. Token t stands at positions[t];
   * where the spec has sections, at positions[part * length / 3 + t] in each of three parts.
   */
  apply(vectors: Float32Array, tokens: number, heads: number, positions: ArrayLike<number>, back = false): void {
    this.#prepare(positions, tokens);
    const headDim = this.#headDim;
    const pairs = this.#speeds.length;
    const partner = this.#partner;
    const step = this.#step;
    const cosines = this.#cos;
    const sines = this.#sin;
    const sign = back ? -1 : 1;
    for (let row = 0; row < tokens * heads; row++) {
      const table = Math.floor(row / heads) * pairs;
      let first = row * headDim + this.#first;
      for (let i = 0; i < pairs; i++, first += step) {
        const cos = cosines[table + i];
        const sin = sign * sines[table + i];
        const a = vectors[first];
        const b = vectors[first + partner];
        vectors[first] = a * cos - b * sin;
        vectors[first + partner] = a * sin + b * cos;
      }
    }
  }

  /** Fills the tables for positions[tokens], unless they hold them. */
  #prepare(positions: ArrayLike<number>, tokens: number): void {
    const pairs = this.#speeds.length;
    const parts = this.#parts;
    const stride = parts ? positions.length / POSITION_PARTS : 0;
    for (let t = 0; t < tokens; t++) {
      if (this.#isHeld(positions, stride, t)) continue;
      for (let i = 0; i < pairs; i++) {
        const angle = positions[parts ? parts[i] * stride + t : t] * this.#speeds[i];
        this.#cos[t * pairs + i] = this.#magnitude * Math.cos(angle);
        this.#sin[t * pairs + i] = this.#magnitude * Math.sin(angle);
      }
    }
    this.#tokens = Math.max(this.#tokens, tokens);
  }

  /** Whether the tables hold token t's position, which is noted. */
  #isHeld(positions: ArrayLike<number>, stride: number, t: number): boolean {
    let held = t < this.#tokens;
    for (let at = t, from = t; at < this.#positions.length; at += this.#maxTokens, from += stride) {
      held &&= this.#positions[at] === positions[from];
      this.#positions[at] = positions[from];
    }
    return held;
  }
}

/** The part of its position that each pair turns by: time, row, column (transformers, apply_interleaved_mrope). */
function partsOf([, rows, columns]: readonly number[], pairs: number): Uint8Array {
  return Uint8Array.from({ length: pairs }, (_, i) => {
    if (i % 3 === 1 && i < 3 * rows) return 1;
    return i % 3 === 2 && i < 3 * columns ? 2 : 0;
  });
}

/**
 * Per layer its rotary embedding: the same one for all, or another for the layers with a sliding window; null without
 * one.
 */
export function rotariesOf(spec: ModelSpec, maxTokens: number): (layer: number) => Rotary | null {
  const { rotary, headDim, slidingWindow, noRotaryEvery } = spec;
  if (rotary === null) return () => null;
  const everywhere = new Rotary(rotary, headDim, maxTokens);
  if (noRotaryEvery) return (layer) => (layer % noRotaryEvery === noRotaryEvery - 1 ? null : everywhere);
  if (!slidingWindow?.theta) return () => everywhere;
  const { theta, heads } = slidingWindow;
  const [nearDim, dimension] = [heads?.headDim ?? headDim, heads?.headDim ?? rotary.dimension];
  const nearby = new Rotary({ ...rotary, dimension, theta, frequencyFactors: null, magnitude: 1 }, nearDim, maxTokens);
  return (layer) => (windowOf(slidingWindow, layer) === 0 ? everywhere : nearby);
}
