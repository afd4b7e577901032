import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FrequencyPool } from '../../dist/src/cache/frequency-pool.js';
import { createPlacement, type RememberingCache } from '../../dist/src/cache/unit-cache.js';
import { rememberUses } from '../../dist/src/engine/expert-uses.js';

const UNITS = 6;
const newCaches = () => [0, 1].map(() => new FrequencyPool({ units: [UNITS], slots: 3 }).layers[0]);

function use(cache: RememberingCache, ...units: number[]): number {
  const placement = createPlacement(UNITS);
  cache.place(Uint32Array.from(units), units.length, placement);
  cache.endToken();
  return placement.missed;
}

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'flashrow-uses-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('rememberUses', () => {
  it('lets the next run keep what this one used most', () => {
    const first = newCaches();
    const save = rememberUses(folder, first);
    for (let i = 0; i < 5; i++) use(first[1], 4);
    save();

    const next = newCaches();
    rememberUses(folder, next);
    for (const unit of [4, 0, 1, 2, 3]) use(next[1], unit);
    expect(use(next[1], 4)).toBe(0);
    for (const unit of [4, 0, 1, 2, 3]) use(next[0], unit);
    expect(use(next[0], 4)).toBe(1);
    expect(readdirSync(folder)).toEqual(['uses.json']);
  });

  for (const [what, text] of [
    ['is cut off', '[[1,2'],
    ['belongs to another shape', '[[1,2],[3,4]]'],
    ['holds no numbers', '[["a",1,1,1,1,1],{}]'],
    ['holds another thing', '"uses"'],
  ]) {
    it(`passes over a file that ${what}`, () => {
      writeFileSync(join(folder, 'uses.json'), text);
      const caches = newCaches();
      const save = rememberUses(folder, caches);
      expect([...caches[0].uses()]).toEqual(new Array(UNITS).fill(0));
      use(caches[0], 2);
      save();
      expect(JSON.parse(readFileSync(join(folder, 'uses.json'), 'utf8'))[0][2]).toBeGreaterThan(0);
    });
  }

  it('leaves a store that cannot be written to as it is', () => {
    const save = rememberUses(join(folder, 'missing'), newCaches());
    expect(save).not.toThrow();
    expect(readdirSync(folder)).toEqual([]);
  });
});
