import { cpSync, mkdirSync, readFileSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { unpack } from 'msgpackr';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { FlashrowError } from '../../dist/src/errors.js';
import type { Manifest } from '../../dist/src/store/manifest.js';
import { decodeManifest, encodeManifest } from '../../dist/src/store/manifest-file.js';
import { isStore, openStore } from '../../dist/src/store/reader.js';
import { convert, crc32c, failure, random, randomCheckpoint, scratchFolder } from './support.js';

const folder = scratchFolder();
const sound = join(folder, 'sound');
const store = join(folder, 'store');
let manifest: Manifest;

beforeAll(async () => {
  await convert(randomCheckpoint(folder, { hiddenSize: 32, intermediateSize: 64, activation: 'relu' }), sound);
  manifest = openStore(sound).manifest;
});

beforeEach(() => {
  rmSync(store, { recursive: true, force: true });
  cpSync(sound, store, { recursive: true });
});

interface Draft {
  [key: string]: Draft;
}
/** The manifest as plain data that a test may change and write back, checksum and all. */
const draft = () => structuredClone(manifest) as unknown as Draft;
const write = (changed: unknown) => writeFileSync(join(store, 'manifest.msgpack'), encodeManifest(changed as Manifest));

describe('opening a store', () => {
  it('gives back the manifest that was written', () => {
    expect(openStore(store).manifest).toEqual(manifest);
  });

  it('keeps the manifest readable to any MessagePack reader, beside its CRC-32C', () => {
    const [map, checksum] = unpack(readFileSync(join(store, 'manifest.msgpack')));
    expect(map).toMatchObject({ formatVersion: 0, spec: manifest.spec });
    expect(checksum).toBe(crc32c(readFileSync(join(store, 'manifest.msgpack')).subarray(1, -5), 0));
  });

  it('tells a store from other folders and files', () => {
    expect(isStore(store)).toBe(true);
    expect(isStore(folder)).toBe(false);
    expect(isStore(join(store, 'rows.bin'))).toBe(false);
    expect(isStore(join(folder, 'absent'))).toBe(false);
  });

  it('says NOT_FOUND where there is none', async () => {
    mkdirSync(join(folder, 'empty'), { recursive: true });
    for (const path of ['empty', 'absent', 'sound/rows.bin']) {
      expect((await failure(() => openStore(join(folder, path)))).code).toBe('NOT_FOUND');
    }
  });

  it('names the version of a store that a newer flashrow wrote', async () => {
    write({ ...draft(), formatVersion: 7, layers: [], spec: 'of another kind' });
    const error = await failure(() => openStore(store));
    expect(error).toMatchObject({ code: 'UNSUPPORTED', details: { formatVersion: 7 } });
    expect(error.message).toMatch(/version 7.*update flashrow/);
  });

  it.each(['rows.bin', 'resident.bin', 'tokenizer.json', 'chat_template.jinja'])(
    'notices that %s is missing',
    async (name) => {
      rmSync(join(store, name));
      expect(await failure(() => openStore(store))).toMatchObject({ code: 'CORRUPT', details: { file: name } });
      mkdirSync(join(store, name));
      expect(await failure(() => openStore(store))).toMatchObject({ code: 'CORRUPT', details: { file: name } });
    },
  );

  it.each(['rows.bin', 'resident.bin', 'tokenizer.json'])('notices that %s has another size', async (name) => {
    const { length } = readFileSync(join(store, name));
    for (const bytes of [0, length - 1, length + 1]) {
      truncateSync(join(store, name), bytes);
      const error = await failure(() => openStore(store));
      expect(error).toMatchObject({ code: 'CORRUPT', details: { file: name, offset: Math.min(bytes, length) } });
    }
  });

  it('follows links, as download caches make them', () => {
    rmSync(join(store, 'rows.bin'));
    symlinkSync(join(sound, 'rows.bin'), join(store, 'rows.bin'));
    expect(openStore(store).manifest).toEqual(manifest);
  });

  it('checks tokenizer and template when they are read', async () => {
    writeFileSync(join(store, 'tokenizer.json'), readFileSync(join(store, 'tokenizer.json')).fill(32, 0, 1));
    writeFileSync(join(store, 'chat_template.jinja'), '[[ messages ]]');
    const opened = openStore(store);
    expect((await failure(() => opened.readTokenizer())).code).toBe('CORRUPT');
    expect((await failure(() => opened.readChatTemplate())).code).toBe('CORRUPT');
  });
});

describe('a damaged manifest', () => {
  it('is noticed at every byte', () => {
    const bytes = readFileSync(join(store, 'manifest.msgpack'));
    const next = random(5);
    for (let at = 0; at < bytes.length; at++) {
      const flipped = Buffer.from(bytes);
      flipped[at] ^= 1 << (next() * 8);
      expect(() => decodeManifest(flipped), `byte ${at}`).toThrow(expect.objectContaining({ code: 'CORRUPT' }));
    }
  });

  it('is noticed wherever it is cut', () => {
    const bytes = readFileSync(join(store, 'manifest.msgpack'));
    for (let length = 0; length < bytes.length; length += 1 + Math.floor(length / 40)) {
      expect(() => decodeManifest(bytes.subarray(0, length)), `${length} bytes`).toThrow(FlashrowError);
    }
  });
});

describe('a forged manifest, its checksum right', () => {
  const set = (path: string, value: unknown) => {
    const changed = draft();
    const keys = path.split('.');
    const last = keys.pop()!;
    const target = keys.reduce((object, key) => object[key], changed);
    if (value === undefined) delete target[last];
    else target[last] = value as Draft;
    return changed;
  };

  it.each<[string, unknown]>([
    ['files.0.name', '../rows.bin'],
    ['files.0.name', '/etc/passwd'],
    ['files.0.name', 'a\0b'],
    ['files.0.name', '..'],
    ['files.0.name', 'a\\b'],
    ['files.0.name', ''],
    ['files.0.name', 'resident.bin'],
    ['files.0.name', 'manifest.msgpack'],
    ['files.0.bytes', -1],
    ['files.0.bytes', 1.5],
    ['files.0.checksum', 2 ** 32],
    ['files', []],
    ['spec', null],
    ['spec.architecture', 'gpt2'],
    ['spec.hiddenSize', 0],
    ['spec.hiddenSize', 2 ** 40],
    ['spec.hiddenSize', 33],
    ['spec.numLayers', 3],
    ['spec.numKeyValueHeads', 3],
    ['spec.vocabSize', 49],
    ['spec.normEpsilon', Number.NaN],
    ['spec.activation', 'silu'],
    ['spec.gated', false],
    ['spec.tiedEmbeddings', true],
    ['spec.rotary.dimension', 15],
    ['spec.rotary.theta', Number.POSITIVE_INFINITY],
    ['spec.rotary.layout', 'spiral'],
    ['spec.rotary.frequencyFactors', [1]],
    ['text.bosId', 48],
    ['text.bosId', -1],
    ['text.eosIds', 'all'],
    ['text.eosIds', [1.5]],
    ['text.addBos', 1],
    ['resident', []],
    ['resident.1.name', 'layers.0.attentionNorm2'],
    ['resident.0.shape', [48]],
    ['resident.0.shape', [32, 48]],
    ['resident.0.offset', 1],
    ['resident.0.offset', 2 ** 50],
    ['resident.0.bytes', 1],
    ['resident.0.format', 'q9'],
    ['resident.0.format', 'q8_0'],
    ['resident.0.checksum', null],
    ['layers.0.neuronsPerBundle', 0],
    ['layers.0.neuronsPerBundle', 3],
    ['layers.0.neuronsPerBundle', 64],
    ['layers.0.downOrientation', 'sideways'],
    ['layers.0.activation', 'gelu'],
    ['layers.0.formats.gate', null],
    ['layers.0.formats.up', 'f64'],
    ['layers.0.extents', []],
    ['layers.0.extents.0.file', 9],
    ['layers.0.extents.0.offset', -4096],
    ['layers.0.extents.0.offset', 2 ** 45],
    ['layers.0.extents.0.stride', 1],
    ['layers.0.extents.0.stride', 2 ** 40],
    ['layers.0.extents.0.bytes', 0],
    ['layers.0.extents.0.bytes', 2 ** 40],
    ['layers.0.parts.down.offset', 257],
    ['layers.0.parts.down.extent', 1],
    ['layers.0.parts.gate', null],
    ['layers.0.segments', []],
    ['layers.0.segments.1.offset', 0],
    ['layers.0.segments.0.bytes', 0],
    ['layers.0.segments.1.bytes', 1],
    ['layers.0.segments.0.extent', 1],
    ['layers.0.checksums', new Uint32Array(127)],
    ['source.bytes', '1'],
    ['requantized', [{ tensor: 'x', from: 'f32', to: 'f16', relativeError: -1 }]],
    ['formatVersion', -1],
    ['formatVersion', undefined],
    ['text', undefined],
  ])('is refused with %s = %j', async (path, value) => {
    write(set(path, value));
    const error = await failure(() => openStore(store));
    expect(error.code).toBe('CORRUPT');
    expect(error.message).toMatch(/manifest\.msgpack/);
  });

  it('is either refused or sound, whatever random bytes it holds', () => {
    const bytes = readFileSync(join(store, 'manifest.msgpack'));
    const next = random(99);
    let refused = 0;
    for (let round = 0; round < 3000; round++) {
      const forged = Buffer.from(bytes);
      for (let flips = 1 + Math.floor(next() * 3); flips > 0; flips--) {
        forged[1 + Math.floor(next() * (forged.length - 6))] = next() * 256;
      }
      forged.writeUInt32BE(crc32c(forged.subarray(1, -5), 0), forged.length - 4);
      try {
        decodeManifest(forged);
      } catch (error) {
        refused++;
        expect(error).toBeInstanceOf(FlashrowError);
      }
    }
    expect(refused).toBeGreaterThan(500);
  });

  it.each([
    ['an array that claims four billion values', Buffer.from('ddffffffff', 'hex')],
    ['a map that claims four billion values', Buffer.from('dfffffffff', 'hex')],
    ['binary data that claims four gigabytes', Buffer.from('c6ffffffff', 'hex')],
    ['arrays nested without end', Buffer.alloc(100_000, 0x91)],
    ['a regular expression', Buffer.from('c70378932a2ac0', 'hex')],
    ['a record definition', Buffer.from('d4724093a161a162a163', 'hex')],
    ['a value and something after it', Buffer.from('8080', 'hex')],
    ['nothing but nil', Buffer.from('c0', 'hex')],
  ])('is refused when it is %s', (_, map) => {
    const trailer = Buffer.alloc(5, 0xce);
    trailer.writeUInt32BE(crc32c(map, 0), 1);
    const forged = Buffer.concat([Buffer.of(0x92), map, trailer]);
    expect(() => decodeManifest(forged)).toThrow(expect.objectContaining({ code: 'CORRUPT' }));
  });
});
