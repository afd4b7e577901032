import type { QueryTemperatureSpec } from '../model/spec.js';

/** Adds bias[width] to each row of vectors[tokens, width], in place. */
export function addBias(vectors: Float32Array, tokens: number, bias: Float32Array): void {
  for (let start = 0; start < tokens * bias.length; start += bias.length) {
    for (let i = 0; i < bias.length; i++) vectors[start + i] += bias[i];
  }
}

/** Multiplies the first `count` values by `factor`, in place. */
export function scaleBy(values: Float32Array, count: number, factor: number): void {
  for (let i = 0; i < count; i++) values[i] *= factor;
}

/** Replaces each of the first `count` values x by cap * tanh(x / cap) (arXiv 2408.00118). */
export function softCap(values: Float32Array, count: number, cap: number): void {
  for (let i = 0; i < count; i++) values[i] = cap * Math.tanh(values[i] / cap);
}

/** Parts the heads of q[heads, query | gate, headDim]: q becomes [heads, headDim], in place, and so do the gates. */
export function takeGates(q: Float32Array, heads: number, headDim: number, gates: Float32Array): void {
  for (let head = 0; head < heads; head++) {
    const from = 2 * head * headDim;
    for (let i = 0; i < headDim; i++) gates[head * headDim + i] = q[from + headDim + i];
    q.copyWithin(head * headDim, from, from + headDim);
  }
}

/**
 * Multiplies each token's vector of vectors[tokens, width], in place, by 1 + scale * ln(1 + floor(p / length)), where p
 * is its position, of positions[tokens].
 */
export function heat(
  vectors: Float32Array,
  tokens: number,
  width: number,
  positions: ArrayLike<number>,
  { scale, length }: QueryTemperatureSpec,
): void {
  for (let token = 0; token < tokens; token++) {
    const factor = 1 + scale * Math.log(1 + Math.floor(positions[token] / length));
    if (factor === 1) continue;
    for (let i = token * width; i < (token + 1) * width; i++) vectors[i] *= factor;
  }
}
