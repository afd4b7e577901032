import { chmodSync, existsSync, mkdirSync, readdirSync, truncateSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { FORMATS } from '../../../dist/native-bridge/formats.js';
import { isStore } from '../../../dist/src/store/reader.js';
import { contents, convert, failure, randomCheckpoint, STORED, scratchFolder } from '../support.js';

const folder = scratchFolder();
const SHAPE = { hiddenSize: 64, intermediateSize: 256, rows: 'q4_1' } as const;
const checkpoint = randomCheckpoint(folder, SHAPE);

/** A folder of its own, so that anything left behind is seen. */
function place(): { parent: string; destination: string } {
  const parent = join(folder, `place-${Math.random()}`);
  mkdirSync(parent);
  return { parent, destination: join(parent, 'deep', 'deeper', 'store') };
}

afterEach(() => vi.restoreAllMocks());

/** Makes the `nth` write to any file fail. */
async function failWrite(nth: number, code: string): Promise<void> {
  const file = await open(checkpoint.path, 'r');
  const prototype = Object.getPrototypeOf(file);
  await file.close();
  const { write } = prototype;
  let writes = 0;
  vi.spyOn(prototype, 'write').mockImplementation(function (this: unknown, ...args: unknown[]) {
    if (++writes === nth) return Promise.reject(Object.assign(new Error(`${code}: mocked`), { code }));
    return write.apply(this, args);
  });
}

describe('a conversion that fails', () => {
  it.each([
    [1, 'ENOSPC', 'DISK_FULL'],
    [9, 'ENOSPC', 'DISK_FULL'],
    [14, 'EDQUOT', 'DISK_FULL'],
    [6, 'EROFS', 'NOT_WRITABLE'],
    [8, 'EIO', 'IO'],
  ])('at write %i with %s says %s and leaves nothing behind', async (nth, errno, code) => {
    const { parent, destination } = place();
    await failWrite(nth, errno);
    const error = await failure(() => convert(checkpoint, destination));
    expect(error.code).toBe(code);
    expect(readdirSync(parent)).toEqual([]);
    if (error.code === 'DISK_FULL') {
      const { neededBytes, freeBytes } = error.details;
      expect(neededBytes).toBeGreaterThan(100_000);
      expect(freeBytes).toBeGreaterThan(0);
      expect(error.message).toMatch(/ needs \d+ kB, [\d.]+ [kMGT]?B were free/);
    }
  });

  it('for want of space says so before anything is written', async () => {
    const { parent, destination } = place();
    const spec = { ...checkpoint.spec, vocabSize: 2 ** 26, hiddenSize: 2 ** 26, numLayers: 1 };
    const tensors = new Map(checkpoint.tensors);
    for (const name of ['embedding', 'head']) {
      tensors.set(name, { ...checkpoint.tensors.get(name)!, shape: [2 ** 26, 2 ** 26] });
    }
    for (const name of ['gate', 'up', 'down']) {
      const matrix = { ...checkpoint.tensors.get(`layers.0.${name}`)!, format: 'f16' as const };
      tensors.set(`layers.0.${name}`, matrix);
    }
    const error = await failure(() => convert({ ...checkpoint, spec, tensors }, destination));
    if (error.code !== 'DISK_FULL') throw error;
    expect(error.details.neededBytes).toBeGreaterThan(2 ** 54);
    expect(readdirSync(parent)).toEqual([]);
  });

  it('below a file says that it cannot write there', async () => {
    const { parent } = place();
    writeFileSync(join(parent, 'file'), 'mine');
    const error = await failure(() => convert(checkpoint, join(parent, 'file', 'store')));
    expect(error.code).toBe('NOT_WRITABLE');
    expect(contents(parent)).toEqual(new Map([['file', 'mine']]));
  });

  it.skipIf(process.getuid?.() === 0 || process.platform === 'win32')(
    'in a read-only folder says so (not as root)',
    async () => {
      const { parent } = place();
      chmodSync(parent, 0o500);
      expect((await failure(() => convert(checkpoint, join(parent, 'store')))).code).toBe('NOT_WRITABLE');
      chmodSync(parent, 0o700);
      expect(readdirSync(parent)).toEqual([]);
    },
  );
});

describe('a destination that is taken', () => {
  it('by a finished store stays as it is', async () => {
    const { parent, destination } = place();
    await convert(checkpoint, destination);
    const before = contents(parent);
    const error = await failure(() => convert(checkpoint, destination, { rows: 'f32' }));
    expect(error.code).toBe('BAD_USAGE');
    expect(error.message).toMatch(/already holds a finished store/);
    expect(contents(parent)).toEqual(before);
  });

  it('by other files, or by a file, stays as it is', async () => {
    const { parent } = place();
    writeFileSync(join(parent, 'precious'), '1');
    expect((await failure(() => convert(checkpoint, parent))).code).toBe('BAD_USAGE');
    expect((await failure(() => convert(checkpoint, join(parent, 'precious')))).code).toBe('BAD_USAGE');
    expect(contents(parent)).toEqual(new Map([['precious', '1']]));
  });

  it('by an empty folder is used', async () => {
    const { parent } = place();
    await convert(checkpoint, parent);
    expect(isStore(parent)).toBe(true);
  });
});

describe('a source that is not sound', () => {
  const HALF_INFINITY = Buffer.of(0x00, 0x7c);
  const HALF_NAN = Buffer.of(0x01, 0xfe);
  const FLOAT_NAN = Buffer.of(0, 0, 0xc0, 0x7f);
  const FLOAT_INFINITY = Buffer.of(0, 0, 0x80, 0xff);
  const BF16_NAN = Buffer.of(0xc0, 0x7f);

  it.each([
    ['q4_1', 'layers.1.down', 5 * 160 + 20, HALF_INFINITY, 5, 32],
    ['q4_1', 'layers.0.gate', 3 * 40 + 22, HALF_NAN, 3, 32],
    ['q4_0', 'layers.1.up', 7 * 36, HALF_NAN, 7, 0],
    ['q8_0', 'layers.0.down', 2 * 272 + 3 * 34, HALF_INFINITY, 2, 96],
    ['f16', 'layers.1.down', (63 * 256 + 255) * 2, HALF_NAN, 63, 255],
    ['f32', 'layers.0.up', (17 * 64 + 9) * 4, FLOAT_INFINITY, 17, 9],
    ['bf16', 'layers.1.gate', (30 * 64 + 1) * 2, BF16_NAN, 30, 1],
    ['q5_0', 'layers.0.gate', 3 * 44 + 22, HALF_NAN, 3, 32],
    ['q5_1', 'layers.1.down', 5 * 192 + 24 + 2, HALF_INFINITY, 5, 32],
    ['iq4_nl', 'layers.1.up', 7 * 36, HALF_NAN, 7, 0],
    ['q2_K', 'layers.0.down', 9 * 84 + 82, HALF_NAN, 9, 0],
    ['q3_K', 'layers.1.down', 11 * 110 + 108, HALF_INFINITY, 11, 0],
    ['iq4_xs', 'layers.0.down', 63 * 136, HALF_NAN, 63, 0],
  ] as const)('is named down to the weight: %s %s', async (rows, name, at, bytes, row, column) => {
    const rowsFit = SHAPE.hiddenSize % FORMATS[rows].blockSize === 0;
    const bad = randomCheckpoint(folder, { ...SHAPE, rows: rowsFit ? rows : 'f32', down: rows });
    await corrupt(bad.path, bad.tensors.get(name)!.offset + at, bytes);
    const { parent, destination } = place();
    const error = await failure(() => convert(bad, destination));
    expect(error.code).toBe('CORRUPT');
    expect(error.details).toMatchObject({ tensor: `source.${name}`, row, column });
    expect(error.message).toContain(`source.${name}`);
    expect(readdirSync(parent)).toEqual([]);
  });

  it.each([
    ['layers.1.attentionNorm', 0, 9],
    ['embedding', 40, 13],
  ])('is named in the resident half too: %s', async (name, row, column) => {
    const bad = randomCheckpoint(folder, SHAPE);
    await corrupt(bad.path, bad.tensors.get(name)!.offset + (row * 64 + column) * 4, FLOAT_NAN);
    const { parent, destination } = place();
    const error = await failure(() => convert(bad, destination));
    expect(error).toMatchObject({ code: 'CORRUPT', details: { tensor: `source.${name}`, row, column } });
    expect(readdirSync(parent)).toEqual([]);
  });

  it('because it became shorter is CORRUPT, because it is gone NOT_FOUND', async () => {
    const short = randomCheckpoint(folder, SHAPE);
    truncateSync(short.path, short.files[0].bytes - 100);
    const { parent, destination } = place();
    expect((await failure(() => convert(short, destination))).code).toBe('CORRUPT');
    const gone = { ...short, files: [{ path: `${short.path}.gone`, bytes: 1, headerBytes: 1 }] };
    expect((await failure(() => convert(gone, destination))).code).toBe('NOT_FOUND');
    expect(readdirSync(parent)).toEqual([]);
  });

  it('with weights that f16 cannot hold is told so when f16 is asked for', async () => {
    const large = randomCheckpoint(folder, { ...SHAPE, rows: 'f32' });
    const bytes = Buffer.alloc(4);
    bytes.writeFloatLE(1e6);
    await corrupt(large.path, large.tensors.get('layers.1.up')!.offset + 400, bytes);
    const { parent, destination } = place();
    const error = await failure(() => convert(large, destination, { rows: 'f16' }));
    expect(error.code).toBe('BAD_USAGE');
    expect(error.message).toMatch(/layers\.1\.up.*f16.*f32/);
    expect(readdirSync(parent)).toEqual([]);
  });

  it('whose tokenizer begins texts with an id without an embedding is CORRUPT', async () => {
    const { parent, destination } = place();
    const stored = { ...STORED, text: { ...STORED.text, bosId: checkpoint.spec.vocabSize } };
    expect((await failure(() => convert(checkpoint, destination, { stored }))).code).toBe('CORRUPT');
    expect(existsSync(parent) && readdirSync(parent)).toEqual([]);
  });
});

async function corrupt(path: string, offset: number, bytes: Buffer): Promise<void> {
  const file = await open(path, 'r+');
  await file.write(bytes, 0, bytes.length, offset);
  await file.close();
}
