import { appendFileSync, cpSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openStore, type Store } from '../../dist/src/store/reader.js';
import { verifyStore } from '../../dist/src/store/verify.js';
import { addPredictors } from './predictors.js';
import { contents, convert, crc32c, failure, random, randomCheckpoint, scratchFolder } from './support.js';

const folder = scratchFolder();

describe.each([
  ['by neuron', { hiddenSize: 34, intermediateSize: 48, activation: 'relu', rows: 'f16' }],
  ['by output', { hiddenSize: 64, intermediateSize: 256, rows: 'q4_0' }],
] as const)('verify, bundles %s', (name, shape) => {
  const sound = join(folder, name);
  const store = join(folder, `${name} copy`);
  let opened: Store;

  beforeAll(async () => {
    await convert(randomCheckpoint(folder, shape), sound);
    opened = openStore(sound);
  });

  beforeEach(() => {
    rmSync(store, { recursive: true, force: true });
    cpSync(sound, store, { recursive: true });
  });

  const flip = (file: string, at: number, bit = 0) => {
    const bytes = readFileSync(join(store, file));
    bytes[at] ^= 1 << bit;
    writeFileSync(join(store, file), bytes);
  };

  /** What a byte of rows.bin belongs to, found by going through every segment. */
  function ownerInRows(at: number) {
    for (const [layer, { extents, segments, numNeurons, neuronsPerBundle }] of opened.layers.entries()) {
      for (let bundle = 0; bundle < numNeurons / neuronsPerBundle; bundle++) {
        for (const { offset, bytes } of segments) {
          const start = extents[0].offset + bundle * extents[0].stride + offset;
          if (at >= start && at < start + bytes) return { file: 'rows.bin', layer, bundle, offset: start };
        }
      }
    }
    return { file: 'rows.bin', layer: null, bundle: null, offset: at };
  }

  function ownerInResident(at: number) {
    const tensor = opened.manifest.resident.find(({ offset, bytes }) => at >= offset && at < offset + bytes);
    return { file: 'resident.bin', layer: null, bundle: null, offset: tensor?.offset ?? at };
  }

  it('reads every byte and every bundle of a sound store', async () => {
    let progress = { bytes: 0, totalBytes: 0 };
    const result = await verifyStore(store, crc32c, { onProgress: (p) => (progress = p) });
    const bytes = [...contents(store).values()].reduce((sum, file) => sum + file.length, 0);
    const bundles = opened.layers.reduce((sum, layer) => sum + layer.numNeurons / layer.neuronsPerBundle, 0);
    expect(result).toEqual({ ok: true, bundles, unchecked: 0, bytes, firstBad: null });
    expect(progress).toEqual({ bytes, totalBytes: bytes });
  });

  it('finds a flipped bit anywhere in rows.bin and names layer, bundle and offset', async () => {
    const { length } = readFileSync(join(store, 'rows.bin'));
    const next = random(3);
    const places = [0, length - 1, ...Array.from({ length: 60 }, () => Math.floor(next() * length))];
    for (const at of places) {
      flip('rows.bin', at, Math.floor(next() * 8));
      const result = await verifyStore(store, crc32c);
      expect(result).toMatchObject({ ok: false, firstBad: ownerInRows(at) });
      writeFileSync(join(store, 'rows.bin'), readFileSync(join(sound, 'rows.bin')));
    }
  });

  it('finds a flipped bit anywhere in resident.bin and names the tensor by its offset', async () => {
    const { length } = readFileSync(join(store, 'resident.bin'));
    const next = random(4);
    for (let i = 0; i < 40; i++) {
      const at = Math.floor(next() * length);
      flip('resident.bin', at);
      expect(await verifyStore(store, crc32c)).toMatchObject({ ok: false, firstBad: ownerInResident(at) });
      flip('resident.bin', at);
    }
  });

  it.each(['tokenizer.json', 'chat_template.jinja', 'manifest.msgpack'])('finds a flipped bit in %s', async (file) => {
    const { length } = readFileSync(join(store, file));
    for (let at = 0; at < length; at += 1 + Math.floor(length / 7)) {
      flip(file, at);
      const firstBad = { file, layer: null, bundle: null, offset: 0 };
      expect(await verifyStore(store, crc32c)).toMatchObject({ ok: false, firstBad });
      flip(file, at);
    }
  });

  it('reads every byte of predictors.bin too, and finds a flipped bit anywhere in it', async () => {
    const { path, bytes: size } = addPredictors(store);
    let progress = { bytes: 0, totalBytes: 0 };
    const sound = await verifyStore(store, crc32c, { onProgress: (p) => (progress = p) });
    const bytes = [...contents(store).values()].reduce((sum, file) => sum + file.length, 0);
    expect(sound).toMatchObject({ ok: true, bytes, firstBad: null });
    expect(progress).toEqual({ bytes, totalBytes: bytes });
    const next = random(5);
    const places = [0, size - 1, ...Array.from({ length: 40 }, () => Math.floor(next() * size))];
    for (const at of places) {
      flip('predictors.bin', at, Math.floor(next() * 8));
      const { ok, firstBad } = await verifyStore(store, crc32c);
      expect({ ok, file: firstBad?.file }).toEqual({ ok: false, file: 'predictors.bin' });
      expect(firstBad!.offset).toBeLessThanOrEqual(at);
      addPredictors(store);
    }
    truncateSync(path, size - 1);
    expect(await verifyStore(store, crc32c)).toMatchObject({ ok: false, firstBad: { file: 'predictors.bin' } });
    addPredictors(store);
    appendFileSync(path, 'x');
    expect((await verifyStore(store, crc32c)).firstBad).toMatchObject({ file: 'predictors.bin', offset: size });
  });

  it('names the first of several', async () => {
    flip('tokenizer.json', 3);
    flip('resident.bin', 70);
    flip('rows.bin', opened.layers[1].extents[0].offset + 1);
    flip('rows.bin', opened.layers[1].extents[0].offset + opened.layers[1].extents[0].stride);
    expect((await verifyStore(store, crc32c)).firstBad).toMatchObject({ file: 'rows.bin', layer: 1, bundle: 0 });
  });

  it('calls a file that was cut short damage, where it ends', async () => {
    truncateSync(join(store, 'rows.bin'), 5000);
    const firstBad = { file: 'rows.bin', layer: null, bundle: null, offset: 5000 };
    expect(await verifyStore(store, crc32c)).toMatchObject({ ok: false, firstBad });
  });

  it('calls a missing file damage, a missing store an error', async () => {
    rmSync(join(store, 'resident.bin'));
    expect(await verifyStore(store, crc32c)).toMatchObject({ ok: false, firstBad: { file: 'resident.bin' } });
    expect((await failure(() => verifyStore(join(folder, 'none'), crc32c))).code).toBe('NOT_FOUND');
  });

  it('stops when told to, with the reason', async () => {
    const reason = new Error('enough');
    await expect(verifyStore(store, crc32c, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });
});
