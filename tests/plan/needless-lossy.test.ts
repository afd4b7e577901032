import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { planModel } from '../../dist/src/index.js';
import { TALES } from '../support/shipped.js';

let folder: string;
let bare: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'flashrow-lossy-'));
  bare = join(folder, 'tales');
  cpSync(TALES, bare, { recursive: true });
  rmSync(join(bare, 'predictors.bin'));
});
afterAll(() => rmSync(folder, { recursive: true }));

it('a plan says where guessing was permitted and nothing guesses', async () => {
  const warned = async (source: string, options: Parameters<typeof planModel>[1]) =>
    (await planModel(source, { memory: '100MB', ...options })).warnings.filter((text) => text.includes('exact'));
  expect(await warned(bare, { exact: false })).toEqual([
    '`exact: false` changed nothing: the selector gate, which is exact, was taken; `calibrateStore()` trains predictors that guess',
  ]);
  expect(await warned(TALES, { exact: false, tuning: { selector: 'all' } })).toEqual([
    '`exact: false` changed nothing: the selector all, which is exact, was taken',
  ]);
  expect(await warned(bare, {})).toEqual([]);
  expect(await warned(bare, { exact: false, tuning: { selector: 'sign' } })).toEqual([]);
  expect(await warned(TALES, { exact: false })).toEqual([]);
});
