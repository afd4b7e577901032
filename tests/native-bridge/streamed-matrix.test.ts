import { truncateSync, writeFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { COUNTERS, RING_SLOT, type StreamedMatrix } from '../../dist/native-bridge/bridge.js';
import { crc32c } from '../../dist/native-bridge/crc32c.js';
import { rowBytes } from '../../dist/native-bridge/formats.js';
import { openBridge } from '../../dist/native-bridge/index.js';
import { DEVICE_BLOCK, roundUp } from '../../dist/native-bridge/memory.js';
import { matrixSlotBytes, slotLayout } from '../../dist/native-bridge/slots.js';
import {
  ALL_FORMATS,
  bits,
  buildLayer,
  ffnCall,
  ISAS,
  Random,
  randomRow,
  range,
  temporaryFolder,
  thrownBy,
  writeFiles,
} from './support.js';

const folder = temporaryFolder();

interface Built {
  file: Uint8Array;
  matrix: Omit<StreamedMatrix, 'file'>;
}

function build(random: Random, change: Partial<StreamedMatrix> = {}): Built {
  const { format = 'q4_0', rows = 50, columns = 64, offset = 33, rowsPerUnit = 7 } = change;
  const file = new Uint8Array(offset + rows * rowBytes(format, columns)).fill(0xaa);
  for (let r = 0; r < rows; r++) file.set(randomRow(random, format, columns), offset + r * rowBytes(format, columns));
  const checksum = crc32c(file.subarray(offset), 0);
  return { file, matrix: { format, rows, columns, offset, rowsPerUnit, checksum, ...change } };
}

const unitsOf = ({ matrix }: Built) => Math.ceil(matrix.rows / matrix.rowsPerUnit);

describe.each(ISAS)('a streamed matrix on %s', (isa) => {
  const bridge = openBridge({ isa, threads: 2 });
  afterAll(() => bridge.dispose());
  const random = new Random(61);

  /** A stream of these matrices, one after another in its ring, after a layer that takes part whole. */
  function open(built: readonly Built[], { slots = 3, direct = true, damage = (_: string[]) => {} } = {}) {
    const layer = buildLayer(random, {
      hiddenSize: 64,
      numNeurons: 32,
      neuronsPerBundle: 8,
      formats: ['f32', 'f32', 'f32'],
    });
    const paths = writeFiles(folder, [...layer.files, ...built.map(({ file }) => file)]);
    damage(paths.slice(1));
    const layers = [{ ...layer.layer, arenaOffset: 0, slots: 0 }];
    const matrices = built.map(({ matrix }, i) => ({ ...matrix, file: layer.files.length + i }));
    const slotBytes = Math.max(slotLayout(layers[0]).bytes, ...matrices.map(matrixSlotBytes));
    const stream = bridge.createStream({
      ...{ paths, readThreads: 4, direct, mergeGapBytes: 4096, layers, matrices },
      arenaBytes: roundUp(slots * slotBytes, DEVICE_BLOCK),
    });
    const schedule = [
      ...[0, 1, 2, 3].map((unit) => [0, unit]),
      ...built.flatMap((one, i) => Array.from({ length: unitsOf(one) }, (_, unit) => [1 + i, unit])),
    ];
    stream.startRing({ arenaOffset: 0, slots, schedule: Uint32Array.from(schedule.flat()) });
    const layerPass = () =>
      stream.ffn(
        ffnCall({
          ...{ layer: 0, units: range(4), slots: new Uint32Array(4).fill(RING_SLOT) },
          ...{ x: random.floats(64), y: new Float32Array(64) },
        }),
      );
    const products = (index: number, x: Float32Array, tokens: number) => {
      const y = new Float32Array(tokens * built[index].matrix.rows);
      stream.multiply(index, x, tokens, y);
      return y;
    };
    return { stream, paths: paths.slice(1), layerPass, products };
  }

  function resident({ matrix }: Built, path: string, x: Float32Array, tokens: number): Float32Array {
    const { offset, rows, columns, format } = matrix;
    const held = bridge.loadMatrix({ path, offset, rowStride: rowBytes(format, columns), rows, columns, format });
    const y = new Float32Array(tokens * rows);
    held.matmul(x, tokens, y);
    held.dispose();
    return y;
  }

  it.each(ALL_FORMATS)('gives the bits of a resident one in %s, at any number of slots', (format) => {
    const built = [
      build(random, { format }),
      build(random, { format, rows: 1, columns: 96, rowsPerUnit: 1 }),
      // Units of 64 KiB and more are read into their slots without a copy.
      build(random, { format, rows: 70, columns: 4096, rowsPerUnit: 32, offset: 4097 }),
      build(random, { format, rows: 64, columns: 4096, rowsPerUnit: 32, offset: 8192 }),
    ];
    for (const slots of [1, 2, 5, 40]) {
      for (const direct of [true, false]) {
        const { stream, paths, layerPass, products } = open(built, { slots, direct });
        for (const tokens of [1, 3, 1]) {
          layerPass();
          built.forEach((one, i) => {
            const x = random.floats(tokens * one.matrix.columns);
            expect(bits(products(i, x, tokens))).toEqual(bits(resident(one, paths[i], x, tokens)));
          });
        }
        stream.dispose();
      }
    }
  });

  it('gives them for more tokens than become integers at once', () => {
    const built = build(random, { format: 'q8_0', rows: 40, columns: 8192 });
    const { stream, paths, layerPass, products } = open([built]);
    const tokens = 131;
    const x = random.floats(tokens * 8192);
    layerPass();
    expect(bits(products(0, x, tokens))).toEqual(bits(resident(built, paths[0], x, tokens)));
    stream.dispose();
  });

  it('counts its bytes, and its waiting apart', () => {
    const built = build(random);
    const { stream, layerPass, products } = open([built]);
    layerPass();
    const before = new Float64Array(6);
    stream.counters(before);
    products(0, random.floats(64), 1);
    const after = new Float64Array(6);
    stream.counters(after);
    expect(after[COUNTERS.payloadBytes] - before[COUNTERS.payloadBytes]).toBe(50 * rowBytes('q4_0', 64));
    expect(after[COUNTERS.readWaitMs] - before[COUNTERS.readWaitMs]).toBeCloseTo(
      after[COUNTERS.matrixWaitMs] - before[COUNTERS.matrixWaitMs],
    );
    expect(after[COUNTERS.ffnMs]).toBe(before[COUNTERS.ffnMs]);
    stream.dispose();
  });

  it('is refused out of turn, and the one that is due goes on', () => {
    const built = [build(random), build(random)];
    const { stream, layerPass, products } = open(built);
    const x = random.floats(64);
    expect(thrownBy(() => products(0, x, 1)).code).toBe('USAGE');
    layerPass();
    expect(thrownBy(() => products(1, x, 1)).code).toBe('USAGE');
    expect(thrownBy(() => layerPass()).code).toBe('USAGE');
    products(0, x, 1);
    products(1, x, 1);
    layerPass();
    stream.dispose();
  });

  it('tells damage that its checksum shows, each time, before it gives products', () => {
    const damaged = build(random);
    damaged.file[33 + 9 * rowBytes('q4_0', 64) + 3] ^= 16;
    const built = [build(random), damaged];
    const { stream, layerPass, products, paths } = open(built);
    const x = random.floats(64);
    layerPass();
    products(0, x, 1);
    for (let attempt = 0; attempt < 2; attempt++) {
      expect(thrownBy(() => products(1, x, 1))).toMatchObject({
        code: 'CORRUPT',
        details: { path: paths[1], offset: 33 },
      });
    }
    stream.dispose();
  });

  it('does without a checksum', () => {
    const built = build(random, { checksum: null });
    built.file[40] ^= 1;
    const { stream, paths, layerPass, products } = open([built]);
    const x = random.floats(64);
    layerPass();
    expect(bits(products(0, x, 1))).toEqual(bits(resident(built, paths[0], x, 1)));
    stream.dispose();
  });

  it('tells of a file that is too short, and works once it is whole again', () => {
    const built = [build(random), build(random, { rows: 4000, rowsPerUnit: 100 })];
    const { stream, paths, layerPass, products } = open(built, {
      damage: ([, path]) => truncateSync(path, 33 + 2000 * rowBytes('q4_0', 64)),
    });
    const x = random.floats(64);
    layerPass();
    products(0, x, 1);
    for (let attempt = 0; attempt < 2; attempt++) {
      const { code, details } = thrownBy(() => products(1, x, 1));
      expect(['IO', 'CORRUPT']).toContain(code);
      expect(details).toMatchObject({ path: paths[1] });
    }
    writeFileSync(paths[1], built[1].file);
    expect(bits(products(1, x, 1))).toEqual(bits(resident(built[1], paths[1], x, 1)));
    layerPass();
    stream.dispose();
  });

  it.each([
    ['a file that is not there', { file: 7 }],
    ['no rows', { rows: 0 }],
    ['units of no rows', { rowsPerUnit: 0 }],
    ['rows of broken blocks', { columns: 40 }],
    ['a place beyond any file', { offset: 2 ** 60 }],
  ])('refuses %s', (_, change) => {
    const { file, matrix } = build(random);
    const paths = writeFiles(folder, [file]);
    const layer = buildLayer(random, { hiddenSize: 32, numNeurons: 8, formats: ['f32', 'f32', 'f32'] });
    const create = () =>
      bridge.createStream({
        ...{ paths: [...writeFiles(folder, layer.files), ...paths], arenaBytes: 0, readThreads: 1, direct: false },
        ...{ mergeGapBytes: 0, layers: [{ ...layer.layer, arenaOffset: 0, slots: 0 }] },
        matrices: [{ ...matrix, file: 1, ...change }],
      });
    expect(thrownBy(create).code).toBe('USAGE');
  });
});
