import { truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { BridgeError, COUNTERS, type RowStream } from '../../dist/native-bridge/bridge.js';
import { openBridge } from '../../dist/native-bridge/index.js';
import {
  type BuiltLayer,
  buildLayer,
  ffnCall,
  firstBeyond,
  ISAS,
  type LayerSketch,
  naiveFfn,
  openStream,
  Random,
  range,
  temporaryFolder,
  thrownBy,
} from './support.js';

const folder = temporaryFolder();

const SMALL: LayerSketch = { hiddenSize: 32, numNeurons: 24, formats: ['q8_0', 'q4_0', 'f16'], padding: 11, start: 70 };

const countersOf = (stream: RowStream): Record<keyof typeof COUNTERS, number> => {
  const values = new Float64Array(Object.keys(COUNTERS).length);
  stream.counters(values);
  return Object.fromEntries(Object.entries(COUNTERS).map(([name, i]) => [name, values[i]])) as never;
};

describe.each(ISAS)('a row stream on %s', (isa) => {
  const bridge = openBridge({ isa, threads: 2 });
  afterAll(() => bridge.dispose());

  /** FFN over some units in slots 0, 1, 2..., requested first; compared with the definition. */
  function expectRight(stream: RowStream, built: BuiltLayer, units: number[], random: Random, layer = 0): void {
    const x = random.floats(built.layer.hiddenSize);
    const y = new Float32Array(built.layer.hiddenSize);
    stream.request(layer, Uint32Array.from(units), range(units.length), units.length);
    stream.ffn(ffnCall({ layer, units: Uint32Array.from(units), slots: range(units.length), x, y }));
    const { y: expected, bound } = naiveFfn(built, x, 1, units);
    expect(firstBeyond(y, expected, bound)).toBeNull();
  }

  describe.each([false, true])('with direct reads %s', (direct) => {
    it('finds a flipped bit in any segment at its first read, says where, and lives on', () => {
      const random = new Random(3);
      for (const layout of ['bundled', 'apart'] as const) {
        const built = buildLayer(random, { ...SMALL, layout });
        const { extents, segments } = built.layer;
        segments.forEach((segment, s) => {
          const bundle = 5 + s;
          const { file, offset, stride } = extents[segment.extent];
          const segmentStart = offset + bundle * stride + segment.offset;
          for (const at of [segmentStart, segmentStart + segment.bytes - 1]) {
            const files = built.files.map((bytes) => Buffer.from(bytes));
            files[file][at] ^= 1 << random.below(8);
            const { stream, paths } = openStream(bridge, folder, [{ ...built, files }], { direct });
            expectRight(stream, built, [0, 1, 4, 9, 23], random);

            const error = thrownBy(() => expectRight(stream, built, [1, 2, bundle, 10], random));
            expect(error).toBeInstanceOf(BridgeError);
            expect(error.code).toBe('CORRUPT');
            expect(error.details).toMatchObject({ layer: 0, bundle, path: paths[file] });
            expect(error.message).toContain(String(bundle));
            const place = Number(error.details!.offset);
            expect(place).toBeGreaterThanOrEqual(offset + bundle * stride);
            expect(place).toBeLessThanOrEqual(at);

            // What failed is not there: neither in its slot nor when asked for again.
            const [x, y] = [random.floats(32), new Float32Array(32)];
            const retry = () => stream.ffn(ffnCall({ units: Uint32Array.of(bundle), slots: Uint32Array.of(2), x, y }));
            expect(thrownBy(retry)).toBeInstanceOf(BridgeError);
            expect(thrownBy(() => expectRight(stream, built, [bundle], random)).code).toBe('CORRUPT');
            expectRight(stream, built, [0, 1, 2, 3, 10], random);
            stream.dispose();
          }
        });
      }
    });

    it('does not mind damage to what is not read: padding, and a part that is resident', () => {
      const random = new Random(4);
      const built = buildLayer(random, { ...SMALL, residentPart: 'gate' });
      const { offset, bytes, stride } = built.layer.extents[0];
      built.files[0][offset + 3 * stride + 1] ^= 1;
      built.files[0][offset + 3 * stride + bytes + 2] ^= 1;
      const { stream } = openStream(bridge, folder, [built], { direct });
      const [x, y, residentProducts] = [random.floats(32), new Float32Array(32), new Float32Array(24)];
      stream.request(0, Uint32Array.of(3), Uint32Array.of(0), 1);
      stream.ffn(ffnCall({ units: Uint32Array.of(3), slots: Uint32Array.of(0), x, residentProducts, y }));
      expect(countersOf(stream).payloadBytes).toBe(bytes - built.layer.segments[0].bytes);
      stream.dispose();
    });

    it('says so where a file ends too soon, and reads what is left', () => {
      const random = new Random(5);
      for (const layout of ['bundled', 'apart'] as const) {
        const built = buildLayer(random, { ...SMALL, layout });
        const { stream, paths } = openStream(bridge, folder, [built], { direct });
        const last = built.layer.extents.length - 1;
        const { offset, stride, bytes } = built.layer.extents[last];
        truncateSync(paths[last], offset + 20 * stride + bytes - 1);
        const error = thrownBy(() => expectRight(stream, built, [3, 19, 20], random));
        expect(error).toBeInstanceOf(BridgeError);
        expect(['IO', 'CORRUPT']).toContain(error.code);
        expect(error.details).toMatchObject({ path: paths[last] });
        expectRight(stream, built, [3, 18, 19], random);
        stream.dispose();
      }
    });

    it('brings the right rows under random use, with slots used over and over', () => {
      for (const [seed, sketch] of [
        [10, { ...SMALL }],
        [11, { ...SMALL, neuronsPerBundle: 2, bundlesPerUnit: 5, layout: 'apart', padding: 300 }],
        [
          12,
          {
            hiddenSize: 64,
            numNeurons: 384,
            neuronsPerBundle: 32,
            orientation: 'by-output',
            formats: ['q4_1', 'q4_1', 'q4_1'],
          },
        ],
        [
          13,
          {
            hiddenSize: 512,
            numNeurons: 96,
            neuronsPerBundle: 16,
            bundlesPerUnit: 2,
            formats: ['f32', 'f32', 'f32'],
            start: 4096,
          },
        ],
      ] as [number, LayerSketch][]) {
        const random = new Random(seed);
        const layers = [buildLayer(random, sketch), buildLayer(random, sketch)];
        const slots = 6;
        const opened = openStream(bridge, folder, layers, {
          slots,
          direct,
          mergeGapBytes: random.pick([0, 100, 20_000]),
          filledAtOnce: random.pick([true, false]),
        });
        const { stream, numUnits } = opened;
        const held = layers.map(() => new Map<number, number>());
        for (let round = 0; round < 60; round++) {
          const l = random.below(2);
          const built = layers[l];
          const wanted = random.shuffled(range(numUnits[l])).slice(0, 1 + random.below(Math.min(slots, numUnits[l])));
          wanted.sort((a, b) => a - b);
          const slotOf = new Map([...held[l]].filter(([unit]) => wanted.includes(unit)));
          const free = random.shuffled(range(slots)).filter((slot) => ![...slotOf.values()].includes(slot));
          const misses = wanted.filter((unit) => !slotOf.has(unit));
          for (const unit of misses) {
            const slot = free.pop()!;
            for (const [other, its] of held[l]) if (its === slot) held[l].delete(other);
            slotOf.set(unit, slot);
            held[l].set(unit, slot);
          }
          const place = (units: number[]) => Uint32Array.from(units, (unit) => slotOf.get(unit)!);
          stream.request(l, Uint32Array.from(misses), place(misses), misses.length);

          const tokens = random.pick([1, 1, 4]);
          const x = random.floats(tokens * sketch.hiddenSize);
          const y = new Float32Array(tokens * sketch.hiddenSize);
          stream.ffn(ffnCall({ layer: l, units: Uint32Array.from(wanted), slots: place(wanted), x, tokens, y }));
          const { bundlesPerUnit, neuronsPerBundle, numNeurons } = built.layer;
          const bundles = wanted
            .flatMap((unit) => Array.from({ length: bundlesPerUnit }, (_, b) => unit * bundlesPerUnit + b))
            .filter((bundle) => bundle < numNeurons / neuronsPerBundle);
          const { y: expected, bound } = naiveFfn(built, x, tokens, bundles);
          expect(firstBeyond(y, expected, bound), `seed ${seed}, round ${round}`).toBeNull();
        }
        stream.dispose();
      }
    });

    it('counts what was asked for, and what it took', () => {
      const random = new Random(6);
      const built = buildLayer(random, SMALL);
      const { stream } = openStream(bridge, folder, [built], { direct });
      expect(countersOf(stream)).toEqual({
        payloadBytes: 0,
        deviceBytes: 0,
        records: 0,
        readWaitMs: 0,
        ffnMs: 0,
        matrixWaitMs: 0,
      });
      expectRight(stream, built, [0, 1, 2, 20], random);
      expectRight(stream, built, [5], random);
      const counters = countersOf(stream);
      expect(counters.payloadBytes).toBe(5 * built.layer.extents[0].bytes);
      expect(counters.deviceBytes).toBeGreaterThanOrEqual(counters.payloadBytes);
      expect(counters.records).toBeGreaterThanOrEqual(2);
      expect(counters.records).toBeLessThanOrEqual(5);
      expect(counters.ffnMs).toBeGreaterThan(0);
      stream.dispose();
    });
  });

  it('lets layers share slots, and knows whose unit is in one', () => {
    const random = new Random(8);
    const built = [buildLayer(random, SMALL), buildLayer(random, SMALL)];
    const { stream } = openStream(bridge, folder, built, { slots: 6, shared: true });
    for (let turn = 0; turn < 4; turn++) {
      expectRight(stream, built[0], [0, 1, 4, 9, 20, 23], random, 0);
      expectRight(stream, built[1], [1, 4, 9], random, 1);
      const [x, y] = [random.floats(32), new Float32Array(32)];
      const stale = () => stream.ffn(ffnCall({ units: Uint32Array.of(4), slots: Uint32Array.of(1), x, y }));
      expect(thrownBy(stale).code).toBe('USAGE');
      // What the other layer did not ask into is still there.
      stream.ffn(ffnCall({ units: Uint32Array.of(9, 20), slots: Uint32Array.of(3, 4), x, y }));
      const { y: expected, bound } = naiveFfn(built[0], x, 1, [9, 20]);
      expect(firstBeyond(y, expected, bound)).toBeNull();
    }
    stream.dispose();
  });

  it('checks a bundle once: what changes on disk afterwards is not looked at again', () => {
    const random = new Random(7);
    const built = buildLayer(random, SMALL);
    const { stream, paths } = openStream(bridge, folder, [built]);
    expectRight(stream, built, [2], random);
    const changed = Buffer.from(built.files[0]);
    const { offset, stride, bytes } = built.layer.extents[0];
    changed.fill(0, offset + 2 * stride, offset + 3 * stride - (stride - bytes));
    writeFileSync(paths[0], changed);
    stream.request(0, Uint32Array.of(2), Uint32Array.of(1), 1);
    const y = new Float32Array(32).fill(1);
    stream.ffn(ffnCall({ units: Uint32Array.of(2), slots: Uint32Array.of(1), x: random.floats(32), y }));
    expect(y.every((value) => value === 0)).toBe(true);
    stream.dispose();
  });

  it('computes a unit that was read once as often as it is asked for', () => {
    const random = new Random(8);
    const built = buildLayer(random, SMALL);
    const { stream } = openStream(bridge, folder, [built]);
    expectRight(stream, built, [0, 7, 8], random);
    const before = countersOf(stream).payloadBytes;
    for (let round = 0; round < 3; round++) {
      const [x, y] = [random.floats(32), new Float32Array(32)];
      stream.ffn(ffnCall({ units: Uint32Array.of(7, 8), slots: Uint32Array.of(1, 2), x, y }));
      const { y: expected, bound } = naiveFfn(built, x, 1, [7, 8]);
      expect(firstBeyond(y, expected, bound)).toBeNull();
    }
    expect(countersOf(stream).payloadBytes).toBe(before);
    stream.dispose();
  });

  it('may be disposed with reads on their way, and twice, and is of no use then', () => {
    const random = new Random(9);
    const built = buildLayer(random, { ...SMALL, numNeurons: 600 });
    for (let round = 0; round < 20; round++) {
      const { stream } = openStream(bridge, folder, [built], { direct: round % 2 === 0 });
      stream.request(0, range(600), range(600), 600);
      stream.dispose();
      stream.dispose();
      expect(thrownBy(() => stream.request(0, range(1), range(1), 1)).code).toBe('USAGE');
    }
  });

  describe('refuses', () => {
    const random = new Random(12);
    const built = buildLayer(random, SMALL);
    const parted = buildLayer(random, { ...SMALL, residentPart: 'gate' });
    const { stream } = openStream(bridge, folder, [built, parted], { slots: 4 });
    const one = Uint32Array.of(0);
    const x = new Float32Array(32);
    stream.request(0, range(2), range(2), 2);
    stream.request(1, range(2), range(2), 2);

    it.each<[string, () => void]>([
      ['a layer that is not there', () => stream.request(2, one, one, 1)],
      ['a unit that is not there', () => stream.request(0, Uint32Array.of(24), Uint32Array.of(3), 1)],
      ['a slot that is not there', () => stream.request(0, one, Uint32Array.of(4), 1)],
      ['more units than were passed', () => stream.request(0, range(2), range(4), 3)],
      ['fewer slots than units', () => stream.request(0, range(2), range(1), 2)],
      ['units out of order', () => stream.request(0, Uint32Array.of(5, 4), Uint32Array.of(2, 3), 2)],
      [
        'the FFN of units out of order',
        () => stream.ffn(ffnCall({ units: Uint32Array.of(1, 0), slots: Uint32Array.of(1, 0), x, y: x.slice() })),
      ],
      [
        'an x that is too short',
        () => stream.ffn(ffnCall({ units: one, slots: one, x, tokens: 2, y: new Float32Array(64) })),
      ],
      [
        'a y that is too short',
        () =>
          stream.ffn(ffnCall({ units: one, slots: one, x: new Float32Array(64), tokens: 2, y: new Float32Array(63) })),
      ],
      [
        'products nobody asked for',
        () => stream.ffn(ffnCall({ units: one, slots: one, x, residentProducts: new Float32Array(24), y: x.slice() })),
      ],
      ['a lack of resident products', () => stream.ffn(ffnCall({ layer: 1, units: one, slots: one, x, y: x.slice() }))],
      [
        'resident products for too few neurons',
        () =>
          stream.ffn(
            ffnCall({ layer: 1, units: one, slots: one, x, residentProducts: new Float32Array(23), y: x.slice() }),
          ),
      ],
      [
        'a slot that holds another unit',
        () => stream.ffn(ffnCall({ units: Uint32Array.of(3), slots: one, x, y: x.slice() })),
      ],
      [
        'a slot that was never filled',
        () => stream.ffn(ffnCall({ units: Uint32Array.of(3), slots: Uint32Array.of(3), x, y: x.slice() })),
      ],
      ['too little room for the counters', () => stream.counters(new Float64Array(4))],
    ])('%s', (_, call) => {
      const error = thrownBy(call);
      expect(error).toBeInstanceOf(BridgeError);
      expect(error.code).toBe('USAGE');
    });

    it('a description that does not add up', () => {
      const layer = { ...built.layer, arenaOffset: 0, slots: 1 };
      const { extents } = layer;
      for (const wrong of [
        { neuronsPerBundle: 5 },
        { hiddenSize: 33 },
        { hiddenSize: 0 },
        { bundlesPerUnit: 0 },
        { arenaOffset: 100 },
        { slots: 100_000 },
        { extents: [] },
        { extents: [{ ...extents[0], file: 1 }] },
        { extents: [{ ...extents[0], bytes: extents[0].bytes - 1 }] },
        { parts: { ...layer.parts, down: { extent: 1, offset: 0 } } },
        { parts: { ...layer.parts, gate: null } },
        { segments: [{ extent: 0, offset: 1, bytes: extents[0].bytes }] },
        { checksums: new Uint32Array(3) },
        { residentPart: 'up' as const },
        { residentPart: 'gate' as const, bundlesPerUnit: 2 },
        { formats: { ...layer.formats, up: 'q9_9' as never } },
        { activation: 'swish' as never },
      ]) {
        const options = {
          paths: [join(folder, 'rows-0.bin')],
          arenaBytes: 65536,
          readThreads: 1,
          direct: false,
          mergeGapBytes: 0,
        };
        const error = thrownBy(() => bridge.createStream({ ...options, layers: [{ ...layer, ...wrong }] }).dispose());
        expect(error, JSON.stringify(wrong)).toBeInstanceOf(BridgeError);
        expect(error.code, JSON.stringify(wrong)).toBe('USAGE');
      }
    });

    it('an arena that no machine has', () => {
      const options = { paths: [], readThreads: 1, direct: false, mergeGapBytes: 0, layers: [] };
      const error = thrownBy(() => bridge.createStream({ ...options, arenaBytes: 2 ** 52 }));
      expect(error).toBeInstanceOf(BridgeError);
      expect(error.code).toBe('MEMORY');
    });

    it('a file that is not there, by name', () => {
      const path = join(folder, 'absent.bin');
      const layer = { ...built.layer, arenaOffset: 0, slots: 1 };
      const error = thrownBy(() =>
        bridge.createStream({
          paths: [path],
          arenaBytes: 65536,
          readThreads: 1,
          direct: true,
          mergeGapBytes: 0,
          layers: [layer],
        }),
      );
      expect(error).toBeInstanceOf(BridgeError);
      expect(error.code).toBe('IO');
      expect(error.details).toMatchObject({ path, errno: 'ENOENT' });
    });
  });
});
