import { closeSync, copyFileSync, mkdtempSync, openSync, readdirSync, readSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { loadModel, type ModelOptions } from '../../dist/src/index.js';
import { openStore } from '../../dist/src/store/reader.js';
import { PROMPT, TALES } from '../support/shipped.js';

let store = '';
afterEach(() => rmSync(store, { recursive: true, force: true }));

/** A copy of the shipped store with one bit of one file turned over. */
function damaged(file: string, offset: number): string {
  store = mkdtempSync(join(tmpdir(), 'flashrow-damage-'));
  for (const name of readdirSync(TALES)) copyFileSync(join(TALES, name), join(store, name));
  const fd = openSync(join(store, file), 'r+');
  const byte = Buffer.alloc(1);
  readSync(fd, byte, 0, 1, offset);
  byte[0] ^= 0x10;
  writeSync(fd, byte, 0, 1, offset);
  closeSync(fd);
  return store;
}

async function write(path: string, tuning: ModelOptions['tuning']) {
  const model = await loadModel(path, { tuning });
  try {
    return await model.generate(PROMPT, { maxTokens: 5 }).result;
  } finally {
    await model.dispose();
  }
}

describe('a flipped bit', () => {
  const { layers, tensors } = openStore(TALES);
  const { extents, parts } = layers[3];
  const bundle = extents[0].offset + 7 * extents[0].stride;

  it.each([
    ['in a streamed gate row', parts.gate!.offset, 'all'],
    ['in a streamed up row', parts.up.offset, 'all'],
    ['in a streamed down row', parts.down.offset, 'all'],
    ['in a gate row that stays resident', parts.gate!.offset, 'gate'],
  ] as const)('%s is CORRUPT, and names layer and bundle', async (_, offset, selector) => {
    await expect(write(damaged('rows.bin', bundle + offset + 11), { selector })).rejects.toMatchObject({
      code: 'CORRUPT',
      details: { layer: 3, bundle: 7, path: expect.stringContaining('rows.bin') },
    });
  });

  it.each([...tensors.keys()].filter((name) => !/layers\.[1-6]\./.test(name)))(
    'in %s is CORRUPT, and names its place',
    async (name) => {
      const { offset, bytes } = tensors.get(name)!;
      await expect(write(damaged('resident.bin', offset + (bytes >> 1)), {})).rejects.toMatchObject({
        code: 'CORRUPT',
        details: { path: expect.stringContaining('resident.bin'), offset },
      });
    },
  );
});
