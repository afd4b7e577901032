import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { openTwin } from '../../dist/native-bridge/twin/index.js';
import { Rotary } from '../../dist/src/dense/rotary.js';
import { BlockIndex } from '../../dist/src/mixers/block-index.js';
import { randomVector, writeTensors } from '../dense/support.js';
import { modelSpec } from '../support/spec.js';

const folder = mkdtempSync(join(tmpdir(), 'flashrow-block-index-'));
const bridge = openTwin(1);
afterAll(() => {
  bridge.dispose();
  rmSync(folder, { recursive: true });
});

const [HIDDEN, HEADS, DIM, SIZE, TOP, ROTATED, TOKENS] = [16, 2, 8, 4, 3, 4, 50];
const INDEX = { heads: HEADS, headDim: DIM, blockSize: SIZE, topBlocks: TOP };
const rotary = { theta: 100, dimension: ROTATED, layout: 'halves' as const, frequencyFactors: null, magnitude: 1 };
const spec = modelSpec({ hiddenSize: HIDDEN, rotary, blockIndex: INDEX });
const WEIGHTS = {
  indexQueries: randomVector(HEADS * DIM * HIDDEN, 1),
  indexKeys: randomVector(DIM * HIDDEN, 2),
  indexQueryNorm: randomVector(DIM, 3),
  indexKeyNorm: randomVector(DIM, 4),
};
const x = randomVector(TOKENS * HIDDEN, 5);

const product = (weights: Float32Array, token: number) =>
  Array.from({ length: weights.length / HIDDEN }, (_, row) => {
    let sum = 0;
    for (let i = 0; i < HIDDEN; i++) sum += weights[row * HIDDEN + i] * x[token * HIDDEN + i];
    return sum;
  });

/** A root-mean-square norm, and the rotation of halves at a position. */
function normed(vector: number[], weights: Float32Array, position: number): number[] {
  const scale = 1 / Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0) / DIM + spec.normEpsilon);
  const out = vector.map((value, i) => value * scale * weights[i]);
  for (let i = 0; i < ROTATED / 2; i++) {
    const angle = position * rotary.theta ** ((-2 * i) / ROTATED);
    const [a, b] = [out[i], out[i + ROTATED / 2]];
    out[i] = a * Math.cos(angle) - b * Math.sin(angle);
    out[i + ROTATED / 2] = a * Math.sin(angle) + b * Math.cos(angle);
  }
  return out;
}

/** The blocks that a token sees, from the definition: transformers, modeling_qwen4_exp.py, Qwen4ExpTextQSAIndexer. */
function definition(token: number): number[] {
  const whole = Math.floor((token + 1) / SIZE);
  const queries = product(WEIGHTS.indexQueries, token);
  const scores = Array.from({ length: whole }, (_, block) => {
    const keys = Array.from({ length: SIZE }, (_, i) => product(WEIGHTS.indexKeys, block * SIZE + i));
    const mean = keys[0].map((_, i) => keys.reduce((sum, key) => sum + key[i], 0) / SIZE);
    const key = normed(mean, WEIGHTS.indexKeyNorm, block * SIZE);
    let score = 0;
    for (let head = 0; head < HEADS; head++) {
      const query = normed(queries.slice(head * DIM, (head + 1) * DIM), WEIGHTS.indexQueryNorm, token);
      score += Math.max(
        0,
        query.reduce((sum, value, i) => sum + value * key[i], 0),
      );
    }
    return score;
  });
  const best = [...scores.keys()].sort((a, b) => scores[b] - scores[a] || a - b).slice(0, TOP);
  return best.sort((a, b) => a - b);
}

it('a token sees the best whole blocks, whatever the tokens come with', () => {
  const tensors = Object.entries(WEIGHTS).map(([name, values]) => ({
    name: `layers.0.${name}`,
    shape: name.endsWith('Norm') ? [DIM] : [values.length / HIDDEN, HIDDEN],
    format: 'f32' as const,
    values,
  }));
  const written = writeTensors(join(folder, 'index.bin'), tensors);
  const load = { spec, tensors: written.tensors, bridge, streamed: null, maxTokens: TOKENS, rows: new Map() };
  const index = new BlockIndex(load, 0, INDEX, {
    rotary: new Rotary(rotary, DIM, TOKENS),
    ofBlocks: new Rotary(rotary, DIM, 1),
    scores: new Float32Array(2 * TOKENS),
  });
  for (const chunk of [1, 7, TOKENS]) {
    const state = { keys: new Float32Array(TOKENS * DIM), blocks: new Float32Array(TOKENS * DIM) };
    for (let position = 0; position < TOKENS; position += chunk) {
      const tokens = Math.min(chunk, TOKENS - position);
      const positions = Array.from({ length: tokens }, (_, i) => position + i);
      index.project(x.subarray(position * HIDDEN), tokens, positions);
      index.append(state, 0, tokens, position);
      for (let row = 0; row < tokens; row++) {
        const seen = new Uint8Array(20).fill(1);
        const whole = Math.floor((position + row + 1) / SIZE);
        expect(index.mark(state, row, position + row, seen, 2)).toBe(whole > TOP);
        const marked = [...seen.subarray(2, 2 + whole).keys()].filter((block) => seen[2 + block] === 1);
        expect([chunk, position + row, marked]).toEqual([chunk, position + row, definition(position + row)]);
        // What fills no block is left as it was.
        expect([...seen.subarray(0, 2), ...seen.subarray(2 + whole)].every((one) => one === 1)).toBe(true);
      }
    }
  }
  index.dispose();
});
