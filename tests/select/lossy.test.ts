import { afterAll, describe, expect, it } from 'vitest';
import type { ResidentMatrix } from '../../dist/native-bridge/bridge.js';
import { openBridge } from '../../dist/native-bridge/index.js';
import { selectAll } from '../../dist/src/select/all.js';
import { selectByLowRank } from '../../dist/src/select/low-rank.js';
import type { Selector } from '../../dist/src/select/selector.js';
import { selectBySign } from '../../dist/src/select/sign.js';
import { SignBits } from '../../dist/src/select/sign-bits.js';
import { Random } from '../native-bridge/support.js';

const bridge = openBridge({ threads: 2 });
afterAll(() => bridge.dispose());

function matrix(random: Random, rows: number, columns: number): ResidentMatrix & { values: Float32Array } {
  const values = random.floats(rows * columns);
  return {
    rows,
    columns,
    bytes: 0,
    values,
    matmul(x, tokens, y) {
      for (let t = 0; t < tokens; t++)
        for (let r = 0; r < rows; r++) {
          let sum = 0;
          for (let c = 0; c < columns; c++) sum += values[r * columns + c] * x[t * columns + c];
          y[t * rows + r] = sum;
        }
    },
    multiplyFirst: () => undefined,
    multiplyHeads: () => undefined,
    row: (index, into) => into.set(values.subarray(index * columns, (index + 1) * columns)),
    checksum: () => 0,
    dispose: () => undefined,
  };
}

const HIDDEN = 45;
const NEURONS = 67;
const RANK = 5;
const MAX_TOKENS = 6;

function lowRank(threshold: number, neuronsPerUnit = 1) {
  const random = new Random(7);
  const inner = matrix(random, RANK, HIDDEN);
  const outer = matrix(random, NEURONS, RANK);
  const bias = random.floats(NEURONS);
  const layers = [{ inner, outer, bias, threshold, neuronsPerUnit }];
  return { selector: selectByLowRank({ layers, maxTokens: MAX_TOKENS }), inner, outer, bias };
}

function sign(threshold: number, neuronsPerUnit = 1) {
  const gate = matrix(new Random(8), NEURONS, HIDDEN);
  const layers = [{ signs: new SignBits(bridge, gate, MAX_TOKENS), threshold, neuronsPerUnit }];
  return { selector: selectBySign({ layers, maxTokens: MAX_TOKENS }), gate };
}

/** Units and, per token, which of them it asks for itself. */
function chosen(selector: Selector, x: Float32Array, tokens: number): { units: number[]; own: number[][] } {
  const into = new Uint32Array(NEURONS);
  const count = selector.select(0, x, tokens, into);
  const units = [...into.subarray(0, count)];
  const own = Array.from({ length: tokens }, (_, t) => units.filter((_, i) => selector.weights![t * count + i] === 1));
  return { units, own };
}

const inputs = new Random(9).floats(MAX_TOKENS * HIDDEN);

describe('low-rank', () => {
  it('takes the neurons whose score is above the threshold', () => {
    const { selector, inner, outer, bias } = lowRank(0.5);
    const expected = Array.from({ length: NEURONS }, (_, n) => {
      let score = bias[n];
      for (let r = 0; r < RANK; r++)
        for (let c = 0; c < HIDDEN; c++) score += outer.values[n * RANK + r] * inner.values[r * HIDDEN + c] * inputs[c];
      return score;
    }).flatMap((score, n) => (score > 0.5 ? [n] : []));
    expect(expected.length).toBeGreaterThan(5);
    expect(expected.length).toBeLessThan(NEURONS - 5);
    expect(chosen(selector, inputs, 1).units).toEqual(expected);
  });

  it('is all at a threshold of minus infinity', () => {
    const all = new Uint32Array(NEURONS);
    const count = selectAll([NEURONS]).select(0, inputs, 3, all);
    const { units, own } = chosen(lowRank(Number.NEGATIVE_INFINITY).selector, inputs, 3);
    expect(units).toEqual([...all.subarray(0, count)]);
    for (const mask of own) expect(mask).toEqual(units);
  });

  it('takes what is not a number, so that damage shows', () => {
    const broken = inputs.slice(0, HIDDEN).fill(Number.NaN, 3, 4);
    expect(chosen(lowRank(0.5).selector, broken, 1).units.length).toBe(NEURONS);
  });
});

describe('sign', () => {
  it('counts the columns whose signs agree, as one by one', () => {
    const { gate } = sign(0);
    const agreement = new Float32Array(2 * NEURONS);
    new SignBits(bridge, gate, MAX_TOKENS).agreement(inputs, 2, agreement);
    const expected = Array.from({ length: 2 * NEURONS }, (_, i) => {
      const [token, row] = [Math.floor(i / NEURONS), i % NEURONS];
      let same = 0;
      for (let c = 0; c < HIDDEN; c++)
        if (gate.values[row * HIDDEN + c] < 0 === inputs[token * HIDDEN + c] < 0) same += 1;
      return same;
    });
    expect([...agreement]).toEqual(expected);
  });
});

describe.each([
  ['low-rank', (perUnit: number) => lowRank(0.5, perUnit).selector],
  ['sign', (perUnit: number) => sign(HIDDEN / 2, perUnit).selector],
] as const)('%s in a chunk', (_name, make) => {
  it.each([1, 4])('gives each token the mask it has alone, %i neurons to a unit', (perUnit) => {
    const selector = make(perUnit);
    const { units, own } = chosen(selector, inputs, MAX_TOKENS);
    const alone = Array.from(
      { length: MAX_TOKENS },
      (_, t) => chosen(selector, inputs.subarray(t * HIDDEN, (t + 1) * HIDDEN), 1).units,
    );
    expect(own).toEqual(alone);
    expect(new Set(alone.map(String)).size).toBeGreaterThan(1);
    expect(units).toEqual([...new Set(alone.flat())].sort((a, b) => a - b));
  });
});
