import { describe, expect, it } from 'vitest';
import type { ResidentMatrix } from '../../dist/native-bridge/bridge.js';
import { selectByGate } from '../../dist/src/select/gate.js';

/** A gate whose products are written down, [tokens, neurons]. */
function gate(products: number[][]): ResidentMatrix {
  const rows = products[0].length;
  return {
    rows,
    columns: 1,
    bytes: 0,
    matmul: (_x, tokens, y) => y.set(products.slice(0, tokens).flat()),
    multiplyFirst: () => undefined,
    multiplyHeads: () => undefined,
    row: () => undefined,
    checksum: () => 0,
    dispose: () => undefined,
  };
}

function selected(products: number[][], neuronsPerUnit = 1): number[] {
  const selector = selectByGate({
    matrices: [gate(products)],
    biases: [null],
    neuronsPerUnit: [neuronsPerUnit],
    maxTokens: 4,
  });
  const units = new Uint32Array(16);
  const count = selector.select(0, new Float32Array(4), products.length, units);
  return [...units.subarray(0, count)];
}

describe('selectByGate', () => {
  it('takes the neurons above zero, in ascending order', () => {
    expect(selected([[1, -1, 0, 0.5, -0]])).toEqual([0, 3]);
  });

  it('takes for a chunk what any of its tokens needs', () => {
    expect(
      selected([
        [1, -1, -1, -1],
        [-1, -1, 2, -1],
      ]),
    ).toEqual([0, 2]);
  });

  it('takes a unit of several neurons when one of them is active, and the short one at the end', () => {
    expect(selected([[-1, -1, -1, 1, 1]], 2)).toEqual([1, 2]);
  });

  it('takes nothing where nothing is active', () => {
    expect(selected([[-1, 0, -2]])).toEqual([]);
  });

  it('takes what is not a number, so that damage shows', () => {
    expect(selected([[-1, Number.NaN]])).toEqual([1]);
  });

  it('hands on the products, one row per token', () => {
    const selector = selectByGate({
      matrices: [
        gate([
          [1, -2],
          [3, 4],
        ]),
      ],
      biases: [null],
      neuronsPerUnit: [1],
      maxTokens: 2,
    });
    selector.select(0, new Float32Array(2), 2, new Uint32Array(2));
    expect([...selector.residentProducts!]).toEqual([1, -2, 3, 4]);
  });
});
