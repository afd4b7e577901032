import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { transformersGolden } from './transformers-golden.js';

const worst = (a: readonly number[], b: readonly number[]): number =>
  a.length === b.length
    ? a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i])), 0)
    : Number.POSITIVE_INFINITY;
const read = (name: string) => JSON.parse(readFileSync(new URL(`../golden/${name}`, import.meta.url), 'utf8'));

/** The engine is compared with both: in f32 PyTorch's own rounding is 1e-6, and numpy's arithmetic is in double. */
describe('PyTorch and the arithmetic in numpy', () => {
  it('agree on Ferret', () => {
    const { features, lnp } = read('ferret.json');
    expect(worst(transformersGolden.ferret.features, features)).toBeLessThan(1e-5);
    expect(worst(transformersGolden.ferret.lnp.flat(), lnp.flat())).toBeLessThan(1e-4);
  });

  it('agree on Gemma 3', () => {
    const { features, cases } = read('gemma3-vision.json');
    const { gemma3 } = transformersGolden;
    expect(worst(gemma3.features, features)).toBeLessThan(1e-5);
    for (const [at, { ids, lnp }] of gemma3.cases.entries()) {
      expect(ids).toEqual(cases[at].ids);
      expect(worst(lnp.flat(), cases[at].lnp.flat())).toBeLessThan(1e-4);
    }
  });
});
