import { mkdtempSync, readdirSync, rmSync, writeSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeRandomGguf } from '../../dist/bench/model/random-gguf.js';
import { parseShape, SHAPES } from '../../dist/bench/model/shapes.js';
import { convertModel, loadModel, verifyStore } from '../../dist/src/index.js';
import { withFileSystem } from './file-systems.js';
import { isRootRun, unlessRootRun } from './suite.js';

let folder: string;
let model: string;
let modelBytes: number;
/** Large enough for a disk to fill up in the middle. */
let large: string;
let largeBytes: number;

beforeAll(() => {
  if (!isRootRun) return;
  folder = mkdtempSync(join(tmpdir(), 'flashrow-root-'));
  model = join(folder, 'model.gguf');
  modelBytes = writeRandomGguf(model, SHAPES['tiny-relu'], 'q8_0');
  large = join(folder, 'large.gguf');
  largeBytes = writeRandomGguf(
    large,
    parseShape('hidden=512,ffn=2048,layers=8,heads=8,kv-heads=2,vocab=512').shape,
    'f32',
  );
});
afterAll(() => {
  if (isRootRun) rmSync(folder, { recursive: true });
});

describe.skipIf(!isRootRun)(`a disk that is full${unlessRootRun}`, () => {
  it('from the beginning is DISK_FULL with the bytes needed, and nothing is left', async () => {
    await withFileSystem(`size=${Math.floor(modelBytes / 2)}`, async ({ path, remount }) => {
      const error = await convertModel(model, join(path, 'deep', 'store')).catch((error) => error);
      expect(error).toMatchObject({ code: 'DISK_FULL' });
      expect(error.details.neededBytes).toBeGreaterThan(modelBytes);
      expect(error.details.freeBytes).toBeLessThan(modelBytes);
      const cached = loadModel(model, { cacheDir: join(path, 'cache'), memory: '256MB' });
      await expect(cached).rejects.toMatchObject({ code: 'DISK_FULL' });
      expect(readdirSync(path)).toEqual([]);

      remount(`size=${error.details.neededBytes + 8192}`);
      await convertModel(model, join(path, 'store'));
      expect(await verifyStore(join(path, 'store'))).toMatchObject({ ok: true });
    });
  });

  it('because somebody else fills it meanwhile is DISK_FULL, and only what is theirs is left', async () => {
    await withFileSystem(`size=${Math.ceil(1.1 * largeBytes)}`, async ({ path }) => {
      const theirs = await open(join(path, 'theirs'), 'w');
      let filled = false;
      const fill = () => {
        if (filled) return;
        filled = true;
        const piece = Buffer.alloc(1 << 20);
        try {
          for (;;) writeSync(theirs.fd, piece);
        } catch (error) {
          expect(error).toMatchObject({ code: 'ENOSPC' });
        }
      };
      const failure = await convertModel(large, join(path, 'store'), { onProgress: fill }).catch((error) => error);
      await theirs.close();
      expect(failure).toMatchObject({ code: 'DISK_FULL' });
      expect(failure.message).toContain('ENOSPC');
      expect(readdirSync(path)).toEqual(['theirs']);
    });
  });

  it('in that it holds no more files is DISK_FULL at whichever file it is, and nothing is left', async () => {
    await withFileSystem('size=64m', async ({ path, remount }) => {
      let failures = 0;
      for (let inodes = 2; ; inodes++) {
        remount(`nr_inodes=${inodes}`);
        const failure = await convertModel(model, join(path, 'store')).then(
          () => null,
          (error) => error,
        );
        if (failure === null) break;
        failures += 1;
        expect(failure, `${inodes} inodes`).toMatchObject({ code: 'DISK_FULL' });
        expect(readdirSync(path), `${inodes} inodes`).toEqual([]);
      }
      expect(failures).toBeGreaterThan(4);
      expect(await verifyStore(join(path, 'store'))).toMatchObject({ ok: true });
    });
  });
});

describe.skipIf(!isRootRun)(`a file system that is read-only${unlessRootRun}`, () => {
  it('is NOT_WRITABLE as a place for a store or for the cache folder', async () => {
    await withFileSystem('size=64m', async ({ path, remount }) => {
      remount('ro');
      for (const store of [join(path, 'store'), join(path, 'deep', 'store')])
        await expect(convertModel(model, store)).rejects.toMatchObject({ code: 'NOT_WRITABLE' });
      const cached = loadModel(model, { cacheDir: path, memory: '256MB' });
      await expect(cached).rejects.toMatchObject({ code: 'NOT_WRITABLE' });
      expect(readdirSync(path)).toEqual([]);
    });
  });

  it('runs and verifies the store that it holds', async () => {
    await withFileSystem('size=64m', async ({ path, remount }) => {
      const store = join(path, 'store');
      await convertModel(model, store);
      const expected = await generate(store);
      remount('ro');
      expect(await generate(store)).toEqual(expected);
      expect(await verifyStore(store)).toMatchObject({ ok: true });
    });
  });
});

async function generate(store: string): Promise<number[]> {
  const loaded = await loadModel(store, { memory: '256MB' });
  try {
    return (await loaded.generate([1, 100, 200], { maxTokens: 20, ignoreEos: true }).result).tokens;
  } finally {
    await loaded.dispose();
  }
}
