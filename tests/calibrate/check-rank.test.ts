import { describe, expect, it } from 'vitest';
import { checkRank } from '../../dist/src/calibrate/check-rank.js';
import { requireNumbers } from '../../dist/src/calibrate/train-predictors.js';
import { openStore } from '../../dist/src/store/reader.js';
import { TALES } from '../support/shipped.js';

describe('the rank of a calibration', () => {
  const store = openStore(TALES);
  /*
   * 256 wide, 1024 neurons, gates in q8_0: 1024 rows of 8 blocks of 34 bytes are 278,528. A predictor of rank r in
   * q4_0, 18 bytes for 32 values: r rows of 8 blocks, 1024 rows of r / 32 blocks, and 8 bytes for each neuron. At 256
   * that is 36,864 + 147,456 + 8192 = 192,512.
   */
  it.each([32, 128, 256])('takes %i', (rank) => {
    expect(() => checkRank(store, rank)).not.toThrow();
  });

  it.each([288, 100_000])('refuses %i, which is wider than the model', (rank) => {
    expect(() => checkRank(store, rank)).toThrowError(
      expect.objectContaining({
        code: 'BAD_USAGE',
        message: `\`rank: ${rank}\` is too high: the layers of this model are 256 wide; 256 is the highest that can pay`,
        details: { option: 'rank', value: rank, accepted: 'a multiple of 32 up to 256' },
      }),
    );
  });

  it('refuses one whose predictor is as large as the gate', () => {
    // With gates in q4_0, 1024 rows of 144 bytes are 147,456: rank 160 takes 123,392, rank 192 146,432, 224 more.
    const layers = store.layers.map((layer) => ({ ...layer, formats: { ...layer.formats, gate: 'q4_0' as const } }));
    expect(() => checkRank({ ...store, layers }, 192)).not.toThrow();
    expect(() => checkRank({ ...store, layers }, 224)).toThrowError(/as much memory as the exact gates.*192 is/);
  });
});

it('figures that are no numbers are never written', () => {
  expect(() => requireNumbers(3, [0, 1, -2])).not.toThrow();
  for (const bad of [Number.NaN, Infinity, -Infinity])
    expect(() => requireNumbers(3, [0, bad])).toThrowError(
      expect.objectContaining({ code: 'CORRUPT', details: { layer: 3 } }),
    );
});
