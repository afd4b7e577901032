import { truncateSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { COUNTERS, RING_SLOT } from '../../dist/native-bridge/bridge.js';
import { rowBytes } from '../../dist/native-bridge/formats.js';
import { openBridge } from '../../dist/native-bridge/index.js';
import { slotLayout } from '../../dist/native-bridge/slots.js';
import {
  type BuiltLayer,
  bits,
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
} from './support.js';

const folder = temporaryFolder();

/** The same weights with down in whole rows, as checkpoints have it: the slices of each row put side by side. */
function withDownApart(built: BuiltLayer, outputsPerBundle: number): BuiltLayer {
  const { layer, files } = built;
  const { hiddenSize, numNeurons, neuronsPerBundle, formats, parts } = layer;
  const { offset, stride } = layer.extents[parts.down.extent];
  const slice = rowBytes(formats.down, neuronsPerBundle);
  const row = rowBytes(formats.down, numNeurons);
  const down = new Uint8Array(offset + hiddenSize * row);
  const old = files[parts.down.extent];
  for (let b = 0; b < numNeurons / neuronsPerBundle; b++)
    for (let o = 0; o < hiddenSize; o++) {
      const from = offset + b * stride + o * slice;
      down.set(old.subarray(from, from + slice), offset + o * row + b * slice);
    }
  const bytes = outputsPerBundle * row;
  const place = (index: number) => index === parts.down.extent;
  return {
    ...built,
    layer: {
      ...layer,
      downOrientation: 'apart',
      outputsPerBundle,
      extents: layer.extents.map((extent, i) => (place(i) ? { ...extent, bytes, stride: bytes } : extent)),
      segments: layer.segments.map((segment, i) => (place(i) ? { ...segment, bytes } : segment)),
    },
    files: files.map((file, i) => (place(i) ? down : file)),
  };
}

const SMALL: LayerSketch = {
  hiddenSize: 64,
  numNeurons: 160,
  neuronsPerBundle: 32,
  orientation: 'by-output',
  layout: 'apart',
  start: 32,
  checksums: false,
  formats: ['q4_0', 'q8_0', 'q4_1'],
};
/** Records of many device blocks, the last of them short; runs of down rows begin anywhere in a block. */
const LARGE: LayerSketch = { ...SMALL, hiddenSize: 256, numNeurons: 768, neuronsPerBundle: 128, start: 4128 };

const SKETCHES: [string, LayerSketch, number][] = [
  ['small', SMALL, 24],
  ['without a gate, with biases', { ...SMALL, formats: [null, 'f16', 'f32'], biases: true }, 7],
  ['one run of down', { ...SMALL, formats: ['f32', 'f32', 'f16'] }, 64],
  ['large', { ...LARGE, formats: ['f32', 'f32', 'f32'] }, 100],
  ['large, in blocks', { ...LARGE, formats: ['f32', 'q8_0', 'q8_0'] }, 101],
];

describe.each(SKETCHES)('a down matrix that lies apart (%s)', (_, sketch, outputsPerBundle) => {
  const random = new Random(71);
  const slices = buildLayer(random, sketch);
  const apart = withDownApart(slices, outputsPerBundle);
  const { hiddenSize, numNeurons } = sketch;
  const inputs = numNeurons / sketch.neuronsPerBundle!;
  const slotBytes = slotLayout(apart.layer).bytes;

  describe.each(ISAS)('on %s', (isa) => {
    const bridge = openBridge({ isa, threads: 2 });
    afterAll(() => bridge.dispose());

    it.each([1, 3, 40])('gives the bits of slices for %i tokens, from slots, from a ring, and in waves', (tokens) => {
      const x = random.floats(tokens * hiddenSize);
      const make = () => new Float32Array(tokens * hiddenSize);
      const expected = make();
      const old = openStream(bridge, folder, [slices]);
      const oldUnits = range(old.numUnits[0]);
      old.stream.request(0, oldUnits, oldUnits, oldUnits.length);
      old.stream.ffn(ffnCall({ units: oldUnits, slots: oldUnits, x, y: expected, tokens }));
      old.stream.dispose();
      const naive = naiveFfn(slices, x, tokens);
      // The largest inputs share a scale where a set multiplies integers, so a bound of one token is widened.
      const widest = naive.bound.map((bound) => 1e-3 + 40 * bound);
      expect(firstBeyond(expected, naive.y, widest)).toBeNull();

      for (const direct of [true, false]) {
        const { stream, numUnits, ringOffset } = openStream(bridge, folder, [apart], {
          direct,
          ringBytes: 3 * slotBytes + 4096,
        });
        const units = range(numUnits[0]);
        expect(units).toHaveLength(inputs + Math.ceil(hiddenSize / outputsPerBundle));
        const backwards = units.map((unit) => units.length - 1 - unit);
        const held = make();
        stream.request(0, units, backwards, units.length);
        stream.ffn(ffnCall({ units, slots: backwards, x, y: held, tokens }));
        expect(bits(held).equals(bits(expected))).toBe(true);

        const waves = make();
        for (const [index, unit] of units.entries())
          stream.ffn(
            ffnCall({
              units: Uint32Array.of(unit),
              slots: Uint32Array.of(backwards[index]),
              x,
              y: waves,
              tokens,
              accumulate: index > 0,
            }),
          );
        expect(bits(waves).equals(bits(expected))).toBe(true);

        const schedule = Uint32Array.from([...units].flatMap((unit) => [0, unit]));
        stream.startRing({ arenaOffset: ringOffset, slots: 3, schedule });
        const ring = units.map(() => RING_SLOT);
        for (let round = 0; round < 2; round++) {
          const streamed = make();
          stream.ffn(ffnCall({ units, slots: ring, x, y: streamed, tokens }));
          expect(bits(streamed).equals(bits(expected))).toBe(true);
        }
        const counters = new Float64Array(Object.keys(COUNTERS).length);
        stream.counters(counters);
        const payload = [sketch.formats[0], sketch.formats[1], sketch.formats[2]].reduce(
          (sum, format) => sum + (format === null ? 0 : rowBytes(format, hiddenSize * numNeurons)),
          0,
        );
        // Once into slots, twice through the ring.
        expect(counters[COUNTERS.payloadBytes]).toBe(3 * payload);
        stream.dispose();
      }
    });
  });
});

describe.each(ISAS)('a call on a layer with down apart, on %s', (isa) => {
  const random = new Random(72);
  const apart = withDownApart(buildLayer(random, SMALL), 24);
  const bridge = openBridge({ isa, threads: 2 });
  afterAll(() => bridge.dispose());
  const x = random.floats(2 * 64);
  const y = new Float32Array(2 * 64);
  const open = () => {
    const opened = openStream(bridge, folder, [apart, apart]);
    const units = range(opened.numUnits[0]);
    for (const layer of [0, 1]) opened.stream.request(layer, units, units, units.length);
    return { ...opened, units };
  };

  it('is refused where gate and up are missing, out of order, or of another call', () => {
    const { stream, units } = open();
    const over = (ids: number[], rest = {}) =>
      stream.ffn(ffnCall({ units: Uint32Array.from(ids), slots: Uint32Array.from(ids), x, y, ...rest }));
    const refused = expect.objectContaining({ code: 'USAGE' });
    expect(() => over([5])).toThrow(refused);
    expect(() => over([0, 1, 2, 3, 5])).toThrow(refused);
    expect(() => over([1, 2])).toThrow(refused);
    over([0, 1, 2]);
    expect(() => over([3, 4, 5], { layer: 1, accumulate: true })).toThrow(refused);
    over([0, 1, 2]);
    expect(() => over([3, 4, 5], { tokens: 2, accumulate: true })).toThrow(refused);
    over([0, 1, 2]);
    over([3, 4, 5], { accumulate: true });
    const weights = new Float32Array(units.length).fill(1);
    expect(() => over([...units], { weights })).toThrow(refused);
    stream.dispose();
  });

  it('names the run of down that a cut file ends in, and goes on afterwards', () => {
    const { stream, paths, units } = open();
    stream.ffn(ffnCall({ units, slots: units, x, y }));
    const last = units.length - 1;
    truncateSync(paths[2], apart.files[2].length - 1);
    stream.request(0, units, units, units.length);
    expect(() => stream.ffn(ffnCall({ units, slots: units, x, y }))).toThrow(
      expect.objectContaining({ details: expect.objectContaining({ layer: 0, bundle: last, path: paths[2] }) }),
    );
    stream.ffn(ffnCall({ units, slots: units, x, y, layer: 1 }));
    stream.dispose();
  });
});

describe('a layer with down apart', () => {
  const bridge = openBridge({ threads: 1 });
  afterAll(() => bridge.dispose());
  const apart = withDownApart(buildLayer(new Random(73), SMALL), 24);

  it.each([
    ['two bundles to a unit', { bundlesPerUnit: 2 }],
    ['no number of rows in a bundle', { outputsPerBundle: undefined }],
    ['rows in a bundle though down is by output', { downOrientation: 'by-output' as const }],
    ['slices that cut blocks', { neuronsPerBundle: 10 }],
  ])('is refused with %s', (_, change) => {
    for (const isa of ISAS) {
      const one = openBridge({ isa, threads: 1 });
      expect(() => openStream(one, folder, [{ ...apart, layer: { ...apart.layer, ...change } }])).toThrow(
        expect.objectContaining({ code: 'USAGE' }),
      );
      one.dispose();
    }
  });
});
