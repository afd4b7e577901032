import {
  copyFileSync,
  linkSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { writeRandomGguf } from '../../dist/bench/model/random-gguf.js';
import { SHAPES } from '../../dist/bench/model/shapes.js';
import { loadModel, type Progress } from '../../dist/src/index.js';

/*
 * The right answers are those of the same file with an empty cache folder: there is no store that they could come from.
 */

const scratch = mkdtempSync(join(tmpdir(), 'flashrow-source-'));
afterAll(() => rmSync(scratch, { recursive: true }));
let folder: string;
let path: string;
let cache: string;

beforeEach(() => {
  folder = mkdtempSync(join(scratch, 'model-'));
  path = join(folder, 'model.gguf');
  // A ReLU model: its neurons are read one by one, so it is always converted.
  writeRandomGguf(path, SHAPES['tiny-relu'], 'q8_0');
  cache = mkdtempSync(join(scratch, 'cache-'));
});

/** What a model answers, and whether it was converted and read whole for that. */
async function ask(source: string, cacheDir = cache) {
  const stages = new Set<Progress['stage']>();
  const onProgress = ({ stage }: Progress) => stages.add(stage);
  const model = await loadModel(source, { cacheDir, contextSize: 16, onProgress });
  try {
    const [row] = await model.logprobs([1, 2, 3], 3);
    return { row, converted: stages.has('convert'), compared: stages.has('compare') && !stages.has('convert') };
  } finally {
    await model.dispose();
  }
}

const stores = () => readdirSync(cache);

/** Changes weights in place, far from the middle of any tensor: those of the first row of the last one. */
function changeWeights(file: string): void {
  const bytes = statSync(file).size;
  const fd = openSync(file, 'r+');
  for (let back = 4000; back > 3000; back -= 34) writeSync(fd, Buffer.alloc(2, 0x2a), 0, 2, bytes - back);
}

describe('a checkpoint that was converted before', () => {
  it('is not read again while its file is as it was', async () => {
    expect(await ask(path)).toMatchObject({ converted: true });
    expect(await ask(path)).toMatchObject({ converted: false, compared: false });
  });

  it('is read once, and not converted, after a touch', async () => {
    const { row } = await ask(path);
    utimesSync(path, 1, 1);
    expect(await ask(path)).toEqual({ row, converted: false, compared: true });
    expect(await ask(path)).toEqual({ row, converted: false, compared: false });
  });

  it.each([
    ['a copy under another name', (to: string) => copyFileSync(path, to)],
    ['a symbolic link', (to: string) => symlinkSync(path, to)],
    ['a hard link', (to: string) => linkSync(path, to)],
    ['a new name', (to: string) => renameSync(path, to)],
  ])('has one store: %s finds it', async (_, make) => {
    const { row } = await ask(path);
    const other = join(folder, 'other.gguf');
    make(other);
    expect(await ask(other)).toMatchObject({ row, converted: false });
    expect(stores()).toHaveLength(1);
  });

  it.each([
    ['', () => {}],
    [' and the times that were put back', () => utimesSync(path, new Date(1000), new Date(1000))],
  ])('is converted anew where its weights have changed in place%s', async (_, after) => {
    utimesSync(path, new Date(1000), new Date(1000));
    const before = await ask(path);
    changeWeights(path);
    after();
    const changed = await ask(path);
    const fresh = await ask(path, mkdtempSync(join(scratch, 'fresh-')));
    expect(changed).toEqual(fresh);
    expect(changed.row).not.toEqual(before.row);
    expect(await ask(path)).toEqual({ ...fresh, converted: false });
  });

  it('does not answer for another file that took its name', async () => {
    const before = await ask(path);
    const other = join(folder, 'other.gguf');
    copyFileSync(path, other);
    changeWeights(other);
    utimesSync(other, statSync(path).atime, statSync(path).mtime);
    renameSync(other, path);
    const { row, converted } = await ask(path);
    expect(converted).toBe(true);
    expect(row).not.toEqual(before.row);
  });

  it.each([
    ['missing', (file: string) => rmSync(file)],
    ['damaged', (file: string) => writeFileSync(file, '{"content"')],
    ['of something else', (file: string) => writeFileSync(file, '{"content":"00","states":[[1,null]]}')],
  ])('is read again where the list of known files is %s', async (_, damage) => {
    const { row } = await ask(path);
    const [store] = stores();
    damage(join(cache, store, 'sources.json'));
    expect(await ask(path)).toEqual({ row, converted: false, compared: true });
    expect(JSON.parse(readFileSync(join(cache, store, 'sources.json'), 'utf8')).states).toHaveLength(1);
  });
});

const EXPERTS = { numExperts: 4, numExpertsPerToken: 2, intermediateSize: 256 };

describe.each([
  ['a mixture', { ...SHAPES.tiny, family: 'mixtral' as const, intermediateSize: 256, experts: EXPERTS }],
  ['a dense model', SHAPES.tiny],
])('%s that is read in place', (_, shape) => {
  beforeEach(() => {
    rmSync(path);
    writeRandomGguf(path, shape, 'q8_0');
  });

  it('is not copied', async () => {
    expect(await ask(path)).toMatchObject({ converted: false, compared: false });
    const [store] = stores();
    const written = readdirSync(join(cache, store)).reduce(
      (sum, name) => sum + statSync(join(cache, store, name)).size,
      0,
    );
    // Vectors, each in a block of 4096 bytes, and the tokenizer.
    expect(written).toBeLessThan(100_000);
  });

  it('is the same behind a link, and another one as a copy', async () => {
    const { row } = await ask(path);
    symlinkSync(path, join(folder, 'link.gguf'));
    expect(await ask(join(folder, 'link.gguf'))).toEqual({ row, converted: false, compared: false });
    copyFileSync(path, join(folder, 'copy.gguf'));
    expect(await ask(join(folder, 'copy.gguf'))).toMatchObject({ row });
    expect(stores()).toHaveLength(2);
  });

  it('is opened anew, in the same place, where its file was written', async () => {
    const { row } = await ask(path);
    utimesSync(path, 1, 1);
    expect(await ask(path)).toMatchObject({ row });
    changeWeights(path);
    const changed = await ask(path);
    expect(changed).toEqual(await ask(path, mkdtempSync(join(scratch, 'fresh-'))));
    expect(changed.row).not.toEqual(row);
    expect(stores()).toHaveLength(1);
  });

  it('does not answer from the old half where the times were put back', async () => {
    utimesSync(path, 1, 1);
    const { row } = await ask(path);
    changeWeights(path);
    utimesSync(path, 1, 1);
    const changed = await ask(path);
    expect(changed.row).toEqual((await ask(path, mkdtempSync(join(scratch, 'fresh-')))).row);
    expect(changed.row).not.toEqual(row);
  });
});
