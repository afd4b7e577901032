import {
  appendFileSync,
  cpSync,
  existsSync,
  readFileSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join, relative } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Places } from '../../dist/native-bridge/bridge.js';
import type { RowFormat } from '../../dist/native-bridge/formats.js';
import { planLayout } from '../../dist/src/store/layout.js';
import type { Manifest } from '../../dist/src/store/manifest.js';
import { encodeManifest } from '../../dist/src/store/manifest-file.js';
import { openStore } from '../../dist/src/store/reader.js';
import { verifyStore } from '../../dist/src/store/verify.js';
import {
  bytesFor,
  contents,
  convert,
  crc32c,
  decode,
  failure,
  type ModelShape,
  randomCheckpoint,
  readPart,
  readResident,
  scratchFolder,
  type TestCheckpoint,
} from './support.js';

const folder = scratchFolder();
const unused = () => join(folder, `store-${Math.random()}`);
const EXPERTS = 5;
const SHAPE: ModelShape = {
  hiddenSize: 64,
  intermediateSize: 96,
  rows: 'q4_0',
  down: 'q8_0',
  experts: { numExperts: EXPERTS, shared: 32 },
};
const PARTS = ['gate', 'up', 'down'] as const;

/** One expert's bytes of a stacked tensor. */
function expertBytes(checkpoint: TestCheckpoint, name: string, expert: number): Buffer {
  const stack = checkpoint.raw(name);
  const bytes = stack.length / EXPERTS;
  return stack.subarray(expert * bytes, (expert + 1) * bytes);
}

async function storeOf(checkpoint: TestCheckpoint, options = {}) {
  const destination = unused();
  const { bytes } = await convert(checkpoint, destination, options);
  return { store: openStore(destination), bytes };
}

describe('experts of a GGUF file', () => {
  it('stay where they are, and the store finds each one', async () => {
    const checkpoint = randomCheckpoint(folder, SHAPE);
    const { store, bytes } = await storeOf(checkpoint);
    expect(existsSync(join(store.path, 'rows.bin'))).toBe(false);
    expect(store.layers).toHaveLength(2);
    for (const [index, layer] of store.layers.entries()) {
      expect(layer).toMatchObject({
        numNeurons: EXPERTS * 96,
        neuronsPerBundle: 96,
        downOrientation: 'by-output',
        formats: { gate: 'q4_0', up: 'q4_0', down: 'q8_0' },
        checksums: null,
      });
      expect(layer.extents.map(({ bytes }) => bytes)).toEqual([96 * 36, 96 * 36, 64 * 102]);
      expect(store.files[layer.extents[0].file]).toBe(checkpoint.path);
      for (const part of PARTS) {
        for (let expert = 0; expert < EXPERTS; expert++) {
          const expected = expertBytes(checkpoint, `layers.${index}.${part}`, expert);
          expect(readPart(store, index, part, expert).equals(expected), `${part} of ${expert}`).toBe(true);
        }
      }
    }
    for (const name of ['layers.1.router', 'layers.0.sharedRouter', 'layers.1.sharedDown', 'embedding'])
      expect(readResident(store, name).equals(checkpoint.raw(name)), name).toBe(true);
    const written = [...contents(store.path).values()].reduce((sum, file) => sum + file.length, 0);
    expect(bytes).toBe(written);
    expect(store.bytes).toBe(written);
  });

  it('need room only for what is written', async () => {
    const layout = planLayout(randomCheckpoint(folder, SHAPE));
    expect(layout).toMatchObject({ rowsBytes: 0, bytes: layout.residentBytes });
    const converted = planLayout(randomCheckpoint(folder, SHAPE), { rows: 'q8_0' });
    expect(converted.bytes).toBe(layout.residentBytes + converted.rowsBytes);
    // 5 experts of 3 * 96 * 64 weights in q8_0, 19584 bytes each, in 2 layers.
    expect(converted.rowsBytes).toBeGreaterThanOrEqual(2 * EXPERTS * 19584);
  });

  it('are verified as far as is known: there, and readable', async () => {
    const { store } = await storeOf(randomCheckpoint(folder, SHAPE));
    const result = await verifyStore(store.path, crc32c);
    expect(result).toEqual({ ok: true, bundles: 0, unchecked: 2 * EXPERTS, bytes: store.bytes, firstBad: null });
  });

  it('are stored by layers: those with experts at odd bytes go into rows.bin, the others stay', async () => {
    const checkpoint = randomCheckpoint(folder, { ...SHAPE, rows: 'f32', down: 'f32', dataStart: 64 });
    const apart = { numExperts: EXPERTS, apart: true };
    const other = randomCheckpoint(folder, { ...SHAPE, rows: 'f32', down: 'f32', seed: 2, experts: apart });
    const tensors = new Map(checkpoint.tensors);
    for (const part of PARTS) tensors.set(`layers.0.${part}`, other.tensors.get(`layers.0.${part}`)!);
    const mixed = { ...checkpoint, tensors, files: [...other.files, ...checkpoint.files] };
    const { store } = await storeOf(mixed);
    const [converted, kept] = store.layers;
    expect(store.manifest.files[converted.extents[0].file].name).toBe('rows.bin');
    expect(converted.checksums).toHaveLength(EXPERTS);
    expect(store.files[kept.extents[2].file]).toBe(checkpoint.path);
    for (let expert = 0; expert < EXPERTS; expert++) {
      expect(readPart(store, 0, 'up', expert).equals(expertBytes(other, 'layers.0.up', expert))).toBe(true);
      expect(readPart(store, 1, 'up', expert).equals(expertBytes(checkpoint, 'layers.1.up', expert))).toBe(true);
    }
    const result = await verifyStore(store.path, crc32c);
    expect(result).toMatchObject({ ok: true, bundles: EXPERTS, unchecked: EXPERTS, bytes: store.bytes });
  });

  it.each<[RowFormat, number, boolean]>([
    ['f32', 64, true],
    ['f32', 66, false],
    ['bf16', 66, true],
    ['bf16', 67, false],
    ['q8_0', 67, true],
  ])('of %s that begin at byte %i stay: %s', async (format, dataStart, stay) => {
    const checkpoint = randomCheckpoint(folder, { ...SHAPE, rows: format, down: format, dataStart });
    const { store } = await storeOf(checkpoint);
    expect(existsSync(join(store.path, 'rows.bin'))).toBe(!stay);
    for (const part of PARTS)
      expect(readPart(store, 1, part, 3).equals(expertBytes(checkpoint, `layers.1.${part}`, 3)), part).toBe(true);
  });
});

describe('experts with matrices of their own, read in place', () => {
  const APART: ModelShape = { ...SHAPE, rows: 'bf16', down: 'bf16', experts: { numExperts: EXPERTS, apart: true } };
  /** A checkpoint whose experts lie in two files, by turns. */
  const inTwoFiles = () => {
    const checkpoint = randomCheckpoint(folder, APART);
    const second = `${checkpoint.path}-2`;
    cpSync(checkpoint.path, second);
    const tensors = new Map(checkpoint.tensors);
    for (const [name, tensor] of tensors)
      if (tensor.parts)
        tensors.set(name, {
          ...tensor,
          parts: tensor.parts.map((part, e) => (e % 2 === 1 ? { ...part, path: second } : part)),
        });
    return { ...checkpoint, tensors, files: [...checkpoint.files, { ...checkpoint.files[0], path: second }] };
  };

  it('stay where they are, and the store finds each one', async () => {
    const checkpoint = inTwoFiles();
    const { store } = await storeOf(checkpoint, { inPlace: true });
    expect(existsSync(join(store.path, 'rows.bin'))).toBe(false);
    for (const [index, layer] of store.layers.entries()) {
      expect(layer.checksums).toBeNull();
      for (const part of PARTS)
        for (let expert = 0; expert < EXPERTS; expert++) {
          const expected = expertBytes(checkpoint, `layers.${index}.${part}`, expert);
          expect(readPart(store, index, part, expert).equals(expected), `${part} of ${expert}`).toBe(true);
        }
    }
    expect(await verifyStore(store.path, crc32c)).toMatchObject({ ok: true, bundles: 0, unchecked: 2 * EXPERTS });
    truncateSync(`${checkpoint.path}-2`, 100);
    expect((await failure(() => openStore(store.path))).code).toBe('CORRUPT');
  });

  it.each<[string, (places: Places) => unknown]>([
    ['a file that is not there', ({ files }) => (files[1] = 9)],
    ["a file of the store's own", ({ files }) => (files[1] = 0)],
    ['a place beyond the file', ({ offsets }) => (offsets[2] = 1e7)],
    ['a place that is none', ({ offsets }) => (offsets[2] = 0.5)],
    ['a negative place', ({ offsets }) => (offsets[2] = -64)],
    ['places missing', (places) => (places.files = places.files.slice(1))],
    ['offsets missing', (places) => (places.offsets = places.offsets.slice(1))],
  ])('are refused with %s in the manifest', async (_, forge) => {
    const { store } = await storeOf(inTwoFiles(), { inPlace: true });
    const manifest = structuredClone(store.manifest);
    forge(manifest.layers[1].extents[0].places!);
    writeFileSync(join(store.path, 'manifest.msgpack'), encodeManifest(manifest));
    expect((await failure(() => openStore(store.path))).code).toBe('CORRUPT');
  });
});

describe('a store whose experts are in a file that changed', () => {
  const make = async () => {
    const checkpoint = randomCheckpoint(folder, SHAPE);
    // A time that a test can give back exactly.
    utimesSync(checkpoint.path, 1.6e9, 1.6e9);
    const { store } = await storeOf(checkpoint);
    return { path: checkpoint.path, store: store.path };
  };

  it('is refused where the file is gone', async () => {
    const { path, store } = await make();
    rmSync(path);
    const error = await failure(() => openStore(store));
    expect(error.code).toBe('NOT_FOUND');
    expect(error.message).toMatch(/gone.*convert the model again/);
  });

  it.each<[string, (path: string) => void]>([
    ['longer', (path) => appendFileSync(path, 'x')],
    ['cut', (path) => writeFileSync(path, readFileSync(path).subarray(0, -1))],
    ['touched', (path) => utimesSync(path, 1e9, 1e9)],
    [
      'replaced under its old time',
      (path) => {
        const bytes = readFileSync(path);
        bytes[3] ^= 1;
        writeFileSync(path, bytes);
        utimesSync(path, 1.6e9, 1.6e9);
      },
    ],
  ])('is refused where it is %s', async (_, change) => {
    const { path, store } = await make();
    change(path);
    const error = await failure(() => openStore(store));
    expect(error).toMatchObject({ code: 'CORRUPT', details: { path } });
    expect(error.message).toMatch(/has changed.*load the model again/);
    expect(await verifyStore(store, crc32c)).toMatchObject({ ok: false, firstBad: { layer: null } });
  });
});

describe('experts in rows.bin', () => {
  it.each<[string, ModelShape, object]>([
    ['apart in their source', { ...SHAPE, experts: { numExperts: EXPERTS, apart: true } }, {}],
    ['in bf16, asked for in f32', { ...SHAPE, rows: 'bf16', down: 'bf16' }, { rows: 'f32' }],
    ['asked for in their own format', { ...SHAPE, down: 'q4_0' }, { rows: 'q4_0' }],
    [
      'apart, of an odd size',
      {
        ...SHAPE,
        hiddenSize: 36,
        intermediateSize: 7,
        rows: 'f16',
        down: 'f16',
        experts: { numExperts: EXPERTS, apart: true },
      },
      {},
    ],
    [
      'ReLU',
      { ...SHAPE, rows: 'f16', down: 'f16', activation: 'relu', experts: { numExperts: EXPERTS, apart: true } },
      {},
    ],
  ])('are gate, up and down of one expert after another: %s', async (_, shape, options) => {
    const checkpoint = { ...randomCheckpoint(folder, shape), kind: 'huggingface' as const };
    const { store } = await storeOf(checkpoint, options);
    const rows = readFileSync(join(store.path, 'rows.bin'));
    for (const [index, { extents, formats, neuronsPerBundle, numNeurons, checksums }] of store.layers.entries()) {
      expect(neuronsPerBundle).toBe(shape.intermediateSize);
      expect(numNeurons).toBe(EXPERTS * shape.intermediateSize);
      expect(extents).toHaveLength(1);
      const [{ offset, stride, bytes }] = extents;
      for (let expert = 0; expert < EXPERTS; expert++) {
        const record = rows.subarray(offset + expert * stride, offset + expert * stride + bytes);
        const whole = Buffer.concat(PARTS.map((part) => expertBytes(checkpoint, `layers.${index}.${part}`, expert)));
        if (formats.up === shape.rows) expect(record.equals(whole), `expert ${expert}`).toBe(true);
        else expect(decode('f32', record)).toEqual(decode('bf16', whole));
        expect(checksums![expert]).toBe(crc32c(record, 0));
      }
    }
    const result = await verifyStore(store.path, crc32c);
    expect(result).toMatchObject({ ok: true, bundles: 2 * EXPERTS, unchecked: 0, bytes: store.bytes });
  });

  it('are requantized on request, and the error is that of all of them together', async () => {
    const checkpoint = randomCheckpoint(folder, { ...SHAPE, rows: 'f32', down: 'f32' });
    const { store } = await storeOf(checkpoint, { rows: 'q8_0' });
    const name = 'layers.1.up';
    const exact = checkpoint.values(name);
    const stored = Array.from({ length: EXPERTS }, (_, expert) =>
      decode('q8_0', readPart(store, 1, 'up', expert)),
    ).flat();
    const squares = exact.reduce((sum, value) => sum + value ** 2, 0);
    const error = Math.sqrt(exact.reduce((sum, value, i) => sum + (stored[i] - value) ** 2, 0) / squares);
    expect(error).toBeGreaterThan(1e-4);
    const listed = store.manifest.requantized.filter(({ tensor }) => tensor === name);
    expect(listed).toEqual([{ tensor: name, from: 'f32', to: 'q8_0', relativeError: expect.closeTo(error, 6) }]);
    expect(readPart(store, 1, 'down', 4)).toHaveLength(bytesFor('q8_0', 64 * 96));
  });

  it.each([1, 5, 9])('are resumed after an abort at piece %i', async (after) => {
    for (const apart of [true, false]) {
      const checkpoint = randomCheckpoint(folder, { ...SHAPE, experts: { numExperts: EXPERTS, apart } });
      const whole = unused();
      await convert(checkpoint, whole);
      const destination = unused();
      const controller = new AbortController();
      let seen = 0;
      const onProgress = () => {
        if (++seen === after) controller.abort();
      };
      const aborted = convert(checkpoint, destination, { signal: controller.signal, onProgress });
      await expect(aborted).rejects.toSatisfy((error) => error === controller.signal.reason);
      await convert(checkpoint, destination);
      expect(contents(destination)).toEqual(contents(whole));
    }
  });
});

describe('a forged manifest of a store in place, its checksum right', () => {
  const source = join(folder, 'forged-source');
  const store = join(folder, 'forged');
  let checkpoint: TestCheckpoint;

  beforeEach(async () => {
    if (!existsSync(source)) {
      checkpoint = randomCheckpoint(folder, SHAPE);
      await convert(checkpoint, source);
    }
    rmSync(store, { recursive: true, force: true });
    cpSync(source, store, { recursive: true });
  });

  it('opens where nothing is changed', () => {
    expect(openStore(store).manifest).toEqual(openStore(source).manifest);
  });

  it('opens where its own files do not say that they are not external, as they once did not', () => {
    const manifest = structuredClone(openStore(source).manifest);
    for (const file of manifest.files) if (file.external === null) Reflect.deleteProperty(file, 'external');
    writeFileSync(join(store, 'manifest.msgpack'), encodeManifest(manifest));
    expect(openStore(store).manifest).toEqual(openStore(source).manifest);
  });

  it.each<[string, (manifest: Manifest) => unknown]>([
    ['a relative path', ({ files }) => (files[1].external!.path = relative(process.cwd(), checkpoint.path))],
    ['a path with a zero byte', ({ files }) => (files[1].external!.path += '\0')],
    ['no path', ({ files }) => Object.assign(files[1].external!, { path: null })],
    ['a digest too short', ({ files }) => (files[1].external!.digest = 'abc')],
    ['a digest that is none', ({ files }) => (files[1].external!.digest = 'x'.repeat(64))],
    ['another digest', ({ files }) => (files[1].external!.digest = '0'.repeat(64))],
    ['a header longer than the file', ({ files }) => (files[1].external!.headerBytes = 2 ** 40)],
    ['no header', ({ files }) => (files[1].external!.headerBytes = 0)],
    ['a time that is none', ({ files }) => (files[1].external!.mtimeMs = Number.NaN)],
    ['a checksum of an external file', ({ files }) => Object.assign(files[1], { checksum: 1 })],
    [
      'the resident half elsewhere',
      ({ files }) => Object.assign(files[0], { checksum: null, external: files[1].external }),
    ],
    ['checksums of external bundles', ({ layers }) => (layers[0].checksums = new Uint32Array(15))],
    ['no checksums of bundles in the store', ({ layers }) => layers[0].extents.map((extent) => (extent.file = 0))],
    ['bundles in both kinds of file', ({ layers }) => (layers[0].extents[1].file = 0)],
    ['experts beyond the file', ({ layers }) => (layers[1].extents[2].offset += 1e6)],
    ['bundles of more than one expert', ({ layers }) => (layers[0].neuronsPerBundle = 480)],
    ['more experts', ({ spec }) => (spec.experts!.numExperts = 6)],
    ['no experts', ({ spec }) => (spec.experts = null)],
  ])('is refused with %s', async (_, forge) => {
    const manifest = structuredClone(openStore(source).manifest);
    forge(manifest);
    writeFileSync(join(store, 'manifest.msgpack'), encodeManifest(manifest));
    expect((await failure(() => openStore(store))).code).toBe('CORRUPT');
  });
});
