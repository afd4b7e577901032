import { afterAll, describe, expect, it } from 'vitest';
import type { Bridge } from '../../dist/native-bridge/bridge.js';
import { openBridge } from '../../dist/native-bridge/index.js';
import { openTwin } from '../../dist/native-bridge/twin/index.js';

const bridges: [string, Bridge][] = [
  ['the addon', openBridge({ threads: 2 })],
  ['the twin', openTwin(1)],
];
afterAll(() => {
  for (const [, bridge] of bridges) bridge.dispose();
});

const HEADS = 2;
const DIM = 4;
const WIDTH = HEADS * DIM;
const noise = (count: number, seed: number) => Float32Array.from({ length: count }, (_, i) => Math.sin(seed + 1.7 * i));

/** Softmax attention in doubles, where token i sees position j if `sees` says so. */
function attention(q: Float32Array, k: Float32Array, v: Float32Array, sees: (i: number, j: number) => boolean) {
  const tokens = q.length / WIDTH;
  const out = new Float64Array(q.length);
  for (let i = 0; i < tokens; i++)
    for (let head = 0; head < HEADS; head++) {
      const at = (token: number, d: number) => token * WIDTH + head * DIM + d;
      const weights = Array.from({ length: tokens }, (_, j) => {
        let dot = 0;
        for (let d = 0; d < DIM; d++) dot += q[at(i, d)] * k[at(j, d)];
        return sees(i, j) ? Math.exp(dot / Math.sqrt(DIM)) : 0;
      });
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      for (let d = 0; d < DIM; d++)
        for (let j = 0; j < tokens; j++) out[at(i, d)] += (weights[j] / total) * v[at(j, d)];
    }
  return out;
}

describe.each(bridges)('tokens that see each other both ways, by %s', (_, bridge) => {
  it.each([
    [0, 0, 150],
    [0, 70, 80],
    [5, 90, 3],
    [5, 60, 90],
    [1, 0, 1],
  ])('see all of themselves with a window of %i, from position %i, %i of them', (window, position, tokens) => {
    const length = position + tokens;
    const cache = bridge.createKeyValueCache({
      ...{ numLayers: 1, numAttentionHeads: HEADS, numKeyValueHeads: HEADS, headDim: DIM },
      ...{ contextSize: length, format: 'f32', windows: Uint32Array.of(window) },
    });
    const [q, k, v] = [1, 2, 3].map((seed) => noise(length * WIDTH, seed));
    cache.append(0, 0, length, k, v);
    const out = new Float32Array(tokens * WIDTH);
    cache.attendTogether(0, position, tokens, q.subarray(position * WIDTH), out);
    const expected = attention(q, k, v, (i, j) => j >= position || window === 0 || j > i - window);
    for (const [i, value] of out.entries()) expect(Math.abs(value - expected[position * WIDTH + i])).toBeLessThan(1e-5);
    cache.dispose();
  });
});
