import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { loadModel, type ModelOptions, planModel } from '../../dist/src/index.js';
import { TALES } from '../support/shipped.js';

interface Reference {
  greedy: { prompt: number[]; tokens: number[]; margins: number[] }[];
  sequences: number[][];
  meanNll: number;
}

/** By an independent float32 forward in numpy: tests/golden/tales_q8_0.py. */
const reference: Reference = JSON.parse(readFileSync(new URL('../golden/tales-q8_0.json', import.meta.url), 'utf8'));

describe('the shipped model', () => {
  it.each([
    ['gate at its minimum', { selector: 'gate' }, 0],
    ['gate with room', { selector: 'gate' }, 2e6],
    ['gate at its minimum, the hot neurons kept', { selector: 'gate', cache: 'hot+lru' }, 0],
    ['gate with room, the hot neurons kept', { selector: 'gate', cache: 'hot+lru' }, 2e6],
    ['every row at the minimum', { selector: 'all' }, 0],
    ['every row through lru', { selector: 'all', cache: 'lru' }, 1e6],
  ] as [string, ModelOptions['tuning'], number][])('writes the reference ids by %s', async (_, tuning, extra) => {
    const { minimumBytes } = await planModel(TALES, { tuning });
    const model = await loadModel(TALES, { tuning, memory: minimumBytes + extra });
    try {
      for (const { prompt, tokens, margins } of reference.greedy) {
        // Where the two best are closer than this, rounding may choose between them.
        const doubtful = margins.findIndex((margin) => margin < 0.01);
        const expected = doubtful < 0 ? tokens : tokens.slice(0, doubtful);
        const { tokens: written } = await model.generate(prompt, { maxTokens: expected.length, ignoreEos: true })
          .result;
        expect(written).toEqual(expected);
      }
    } finally {
      await model.dispose();
    }
  });

  it('scores held-out stories as the reference does', async () => {
    const model = await loadModel(TALES);
    try {
      const { meanNll } = await model.evaluate(reference.sequences);
      expect(Math.abs(meanNll - reference.meanNll)).toBeLessThan(1e-3);
    } finally {
      await model.dispose();
    }
  });
});
