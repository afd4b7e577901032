import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { addPredictors } from '../predictors.js';
import { contents, convert, failure, randomCheckpoint, scratchFolder } from '../support.js';

const folder = scratchFolder();
const checkpoint = randomCheckpoint(folder, { hiddenSize: 64, intermediateSize: 96, activation: 'relu', rows: 'f16' });
const sound = join(folder, 'sound');
const store = join(folder, 'store');
const replace = () => convert(checkpoint, store, { replacesDamaged: true });

beforeAll(async () => {
  await convert(checkpoint, sound);
});

beforeEach(() => {
  rmSync(store, { recursive: true, force: true });
  cpSync(sound, store, { recursive: true });
});

describe('a conversion in place of a damaged store', () => {
  it.each([
    ['rows that are cut short', () => truncateSync(join(store, 'rows.bin'), 1000)],
    ['a missing file', () => rmSync(join(store, 'resident.bin'))],
    ['a damaged manifest', () => appendFileSync(join(store, 'manifest.msgpack'), 'x')],
    ['no manifest', () => rmSync(join(store, 'manifest.msgpack'))],
  ])('makes one like any other of %s', async (_, damage) => {
    damage();
    await replace();
    expect(contents(store)).toEqual(contents(sound));
    expect(existsSync(`${store}.partial`)).toBe(false);
  });

  it('keeps what came to the store later: a calibration, one that is half done, uses of experts', async () => {
    const { path } = addPredictors(store);
    const predictors = readFileSync(path);
    writeFileSync(join(store, 'uses.json'), '[[1]]');
    mkdirSync(join(store, 'predictors.partial'));
    writeFileSync(join(store, 'predictors.partial', 'key'), 'k');
    truncateSync(join(store, 'rows.bin'), 1000);
    await replace();
    expect(readFileSync(path).equals(predictors)).toBe(true);
    expect(readFileSync(join(store, 'uses.json'), 'utf8')).toBe('[[1]]');
    expect(readFileSync(join(store, 'predictors.partial', 'key'), 'utf8')).toBe('k');
  });

  it('drops predictors of another conversion, which the new store would refuse', async () => {
    addPredictors(store, 'another');
    truncateSync(join(store, 'rows.bin'), 1000);
    await replace();
    expect(contents(store)).toEqual(contents(sound));
  });

  it('keeps the calibration when it is killed on the way or fails', async () => {
    const { path } = addPredictors(store);
    truncateSync(join(store, 'rows.bin'), 1000);
    const options = { replacesDamaged: true, onProgress: () => expect.fail('on the way') };
    await expect(convert(checkpoint, store, options)).rejects.toThrow('on the way');
    expect(existsSync(path)).toBe(true);
    await replace();
    expect(existsSync(path)).toBe(true);
    expect(existsSync(join(store, 'rows.bin'))).toBe(true);
  });

  it('leaves a store alone that is whole after all, and says that it is finished', async () => {
    const before = contents(store);
    expect(await failure(replace)).toMatchObject({ code: 'BAD_USAGE', details: { finished: true } });
    expect(contents(store)).toEqual(before);
  });

  it('is not what anybody gets who does not ask for it', async () => {
    truncateSync(join(store, 'rows.bin'), 1000);
    const before = contents(store);
    expect((await failure(() => convert(checkpoint, store))).code).toBe('BAD_USAGE');
    expect(contents(store)).toEqual(before);
  });
});
