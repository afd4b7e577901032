import { afterAll, describe, expect, it } from 'vitest';
import { BridgeError, RING_SLOT, type RowStream } from '../../dist/native-bridge/bridge.js';
import { openBridge } from '../../dist/native-bridge/index.js';
import {
  type BuiltLayer,
  buildLayer,
  ffnCall,
  firstBeyond,
  ISAS,
  naiveFfn,
  openStream,
  Random,
  temporaryFolder,
  thrownBy,
} from './support.js';

const folder = temporaryFolder();

describe.each(ISAS)('the ring on %s', (isa) => {
  const bridge = openBridge({ isa, threads: 2 });
  afterAll(() => bridge.dispose());
  const random = new Random(41);

  const layers = [
    buildLayer(random, {
      hiddenSize: 64,
      numNeurons: 96,
      neuronsPerBundle: 8,
      bundlesPerUnit: 2,
      formats: ['q4_0', 'q4_0', 'q8_0'],
    }),
    buildLayer(random, {
      hiddenSize: 64,
      numNeurons: 160,
      neuronsPerBundle: 32,
      orientation: 'by-output',
      formats: ['q4_1', 'q8_0', 'q4_1'],
    }),
    buildLayer(random, {
      hiddenSize: 64,
      numNeurons: 30,
      neuronsPerBundle: 3,
      layout: 'apart',
      padding: 5,
      formats: ['f32', 'f16', 'f16'],
    }),
  ];
  /** Units 2.. of each layer; the first two are left to requests. */
  const SCHEDULE = [6, 5, 10].flatMap((units, layer) =>
    Array.from({ length: units - 2 }, (_, i) => [layer, i + 2] as const),
  );

  const open = (files = layers, slots = 3, direct = true) => {
    const opened = openStream(bridge, folder, files, { slots: 2, ringBytes: 2 ** 18, direct });
    opened.stream.startRing({ arenaOffset: opened.ringOffset, slots, schedule: Uint32Array.from(SCHEDULE.flat()) });
    return opened;
  };

  /** Takes ring entries `from` up to `to`, all of one layer, in one call. */
  function take(stream: RowStream, from: number, to: number, tokens = 1): void {
    const layer = SCHEDULE[from][0];
    const units = Uint32Array.from(SCHEDULE.slice(from, to), ([, unit]) => unit);
    const x = random.floats(tokens * 64);
    const y = new Float32Array(tokens * 64);
    stream.ffn(ffnCall({ layer, units, slots: new Uint32Array(units.length).fill(RING_SLOT), x, tokens, y }));
    expectSum(layers[layer], units, x, tokens, y);
  }

  function expectSum(built: BuiltLayer, units: Uint32Array, x: Float32Array, tokens: number, y: Float32Array): void {
    const { bundlesPerUnit } = built.layer;
    const bundles = [...units].flatMap((unit) =>
      Array.from({ length: bundlesPerUnit }, (_, b) => unit * bundlesPerUnit + b),
    );
    const { y: expected, bound } = naiveFfn(built, x, tokens, bundles);
    expect(firstBeyond(y, expected, bound)).toBeNull();
  }

  const ends = [4, 7, 15];

  it.each([1, 2, 3, 20])('goes round in order with %i slots, several times', (slots) => {
    for (const direct of [true, false]) {
      const { stream } = open(layers, slots, direct);
      for (let lap = 0; lap < 4; lap++)
        for (const [layer, end] of ends.entries()) {
          const start = layer === 0 ? 0 : ends[layer - 1];
          const cut = start + 1 + random.below(end - start - 1);
          take(stream, start, cut, 1 + random.below(3));
          take(stream, cut, end);
        }
      stream.dispose();
    }
  });

  it('refuses units that are not next, and goes on with the one that is', () => {
    const { stream } = open();
    take(stream, 0, 2);
    for (const [from, to] of [
      [0, 1],
      [3, 4],
      [4, 5],
      [1, 3],
    ]) {
      const error = thrownBy(() => take(stream, from, to));
      expect(error).toBeInstanceOf(BridgeError);
      expect(error.code).toBe('USAGE');
    }
    take(stream, 2, 4);
    take(stream, 4, 7);
    stream.dispose();
  });

  it('goes on wherever it is sent', () => {
    const { stream } = open();
    for (const index of [9, 0, 14, 3, 3, 0]) {
      stream.seekRing(index);
      take(stream, index, index + 1);
    }
    for (let round = 0; round < 50; round++) stream.seekRing(random.below(15));
    stream.seekRing(4);
    take(stream, 4, 7);
    take(stream, 7, 15);
    take(stream, 0, 4);
    stream.dispose();
  });

  it('mixes with requested units in one call', () => {
    const { stream } = open();
    for (let lap = 0; lap < 3; lap++)
      layers.forEach((built, layer) => {
        const units = Uint32Array.from([0, 1, ...SCHEDULE.filter(([its]) => its === layer).map(([, unit]) => unit)]);
        const slots = new Uint32Array(units.length).fill(RING_SLOT);
        slots.set([lap % 2, 1 - (lap % 2)]);
        stream.request(layer, units.slice(0, 2), slots.slice(0, 2), 2);
        const [x, y] = [random.floats(64), new Float32Array(64)];
        stream.ffn(ffnCall({ layer, units, slots, x, y }));
        expectSum(built, units, x, 1, y);
      });
    stream.dispose();
  });

  it('reports damage when it is due, not before, and can be sent past it', () => {
    const damaged = { ...layers[1], files: [Buffer.from(layers[1].files[0])] };
    const { offset, stride } = damaged.layer.extents[0];
    damaged.files[0][offset + 3 * stride + 100] ^= 4;
    const { stream, paths } = open([layers[0], damaged, layers[2]]);
    take(stream, 0, 4);
    take(stream, 4, 5);
    for (let attempt = 0; attempt < 2; attempt++) {
      stream.seekRing(5);
      const error = thrownBy(() => take(stream, 5, 7));
      expect(error.code).toBe('CORRUPT');
      expect(error.details).toMatchObject({ layer: 1, bundle: 3, path: paths[1] });
    }
    stream.seekRing(6);
    take(stream, 6, 7);
    take(stream, 7, 15);
    stream.dispose();
  });

  it('may be started anew with another schedule, and disposed while it reads ahead', () => {
    for (let round = 0; round < 20; round++) {
      const { stream, ringOffset } = open(layers, 1 + (round % 4));
      stream.startRing({ arenaOffset: ringOffset, slots: 2, schedule: Uint32Array.of(2, 9, 0, 1) });
      const [x, y] = [random.floats(64), new Float32Array(64)];
      if (round % 2 === 0)
        stream.ffn(ffnCall({ layer: 2, units: Uint32Array.of(9), slots: Uint32Array.of(RING_SLOT), x, y }));
      if (round % 2 === 0) expectSum(layers[2], Uint32Array.of(9), x, 1, y);
      stream.dispose();
    }
  });

  it('refuses schedules and places that cannot be', () => {
    const { stream, ringOffset } = openStream(bridge, folder, layers, { slots: 2, ringBytes: 2 ** 16 });
    const one = Uint32Array.of(0);
    const ring = { arenaOffset: ringOffset, slots: 2, schedule: Uint32Array.of(0, 0) };
    for (const call of [
      () => stream.seekRing(0),
      () =>
        stream.ffn(
          ffnCall({ units: one, slots: Uint32Array.of(RING_SLOT), x: new Float32Array(64), y: new Float32Array(64) }),
        ),
      () => stream.startRing({ ...ring, schedule: new Uint32Array(0) }),
      () => stream.startRing({ ...ring, schedule: Uint32Array.of(0, 0, 1) }),
      () => stream.startRing({ ...ring, schedule: Uint32Array.of(3, 0) }),
      () => stream.startRing({ ...ring, schedule: Uint32Array.of(1, 5) }),
      () => stream.startRing({ ...ring, slots: 0 }),
      () => stream.startRing({ ...ring, slots: 1000 }),
      () => stream.startRing({ ...ring, arenaOffset: 100 }),
    ]) {
      const error = thrownBy(call);
      expect(error).toBeInstanceOf(BridgeError);
      expect(error.code).toBe('USAGE');
    }
    stream.startRing(ring);
    expect(thrownBy(() => stream.seekRing(1)).code).toBe('USAGE');
    stream.dispose();
  });
});
