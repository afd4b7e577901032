import { afterAll, describe, expect, it } from 'vitest';
import { type Bridge, BridgeError } from '../../dist/native-bridge/bridge.js';
import { openBridge } from '../../dist/native-bridge/index.js';
import { openTwin } from '../../dist/native-bridge/twin/index.js';

const bridges: [string, Bridge][] = [
  ['the addon', openBridge({ threads: 2 })],
  ['the twin', openTwin(1)],
];
afterAll(() => {
  for (const [, bridge] of bridges) bridge.dispose();
});

const [HEADS, SHARED, DIM, LENGTH] = [4, 2, 8, 150];
const noise = (count: number, seed: number) => Float32Array.from({ length: count }, (_, i) => Math.sin(seed + 1.7 * i));
const width = SHARED * DIM;
const q = noise(HEADS * DIM, 1);
const k = noise(LENGTH * width, 2);
const v = noise(LENGTH * width, 3);

/** The same rows with two of them in each other's place. */
function exchanged(rows: Float32Array, one: number, other: number): Float32Array {
  const changed = rows.slice();
  changed.set(rows.subarray(other * width, (other + 1) * width), one * width);
  changed.set(rows.subarray(one * width, (one + 1) * width), other * width);
  return changed;
}

const formats = [
  ['f32', undefined],
  ['i16', undefined],
  ['i8', undefined],
  ['i16', 4],
] as const;

describe.each(bridges)('two positions that change places, by %s', (_, bridge) => {
  it.each(formats)(
    'are as if they had been written there, in %s with shared values of %j',
    (format, sharedValueDim) => {
      const make = () =>
        bridge.createKeyValueCache({
          ...{ numLayers: 2, numAttentionHeads: HEADS, numKeyValueHeads: SHARED, headDim: DIM },
          ...{ contextSize: LENGTH, format, sharedValueDim },
        });
      const answer = (cache: ReturnType<typeof make>, position: number) => {
        const out = new Float32Array(HEADS * DIM);
        cache.attend(1, position, 1, q, out);
        return out;
      };
      // Within a page, between pages, and a position with itself.
      for (const [one, other] of [
        [3, 5],
        [63, 64],
        [2, 149],
        [70, 70],
      ]) {
        const [cache, written] = [make(), make()];
        cache.append(1, 0, LENGTH, k, v);
        written.append(1, 0, LENGTH, exchanged(k, one, other), exchanged(v, one, other));
        const before = answer(cache, 100);
        cache.swap(1, one, other);
        for (const position of [4, 66, 100, 149]) expect(answer(cache, position)).toEqual(answer(written, position));
        cache.swap(1, other, one);
        expect(answer(cache, 100)).toEqual(before);
        cache.dispose();
        written.dispose();
      }
    },
  );

  it('are refused where one of them is not held', () => {
    const cache = bridge.createKeyValueCache({
      ...{ numLayers: 1, numAttentionHeads: HEADS, numKeyValueHeads: SHARED, headDim: DIM },
      ...{ contextSize: LENGTH, format: 'f32' },
    });
    cache.append(0, 0, 140, k, v);
    for (const [layer, one, other] of [
      [0, 3, 140],
      [0, -1, 3],
      [0, 0.5, 3],
      [1, 1, 2],
    ])
      expect(() => cache.swap(layer, one, other)).toThrow(BridgeError);
    cache.drop(0, 0, 64);
    expect(() => cache.swap(0, 3, 70)).toThrow('position 3 is not held');
    cache.swap(0, 64, 139);
    cache.dispose();
  });
});
