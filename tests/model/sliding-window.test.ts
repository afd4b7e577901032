import { expect, it } from 'vitest';
import { windowOf } from '../../dist/src/model/sliding-window.js';

const windows = (fullEvery: number | null, layers: number) =>
  Array.from({ length: layers }, (_, layer) =>
    windowOf({ size: 128, fullEvery, theta: null, layers: null, heads: null }, layer),
  );

it('a window slides in every layer unless every so many-th sees all positions, the last of each group', () => {
  expect(windows(null, 3)).toEqual([128, 128, 128]);
  // Gemma 2 and gpt-oss begin with a layer that slides; of Gemma 3's six the last does not.
  expect(windows(2, 4)).toEqual([128, 0, 128, 0]);
  expect(windows(6, 12)).toEqual([128, 128, 128, 128, 128, 0, 128, 128, 128, 128, 128, 0]);
});
