import { describe, expect, it } from 'vitest';
import { RING_SLOT } from '../../dist/native-bridge/bridge.js';
import { rowBytes } from '../../dist/native-bridge/formats.js';
import { openBridge } from '../../dist/native-bridge/index.js';
import {
  ACTIVATIONS,
  type BuiltLayer,
  bits,
  buildLayer,
  computeAll,
  ffnCall,
  ISAS,
  type LayerSketch,
  openStream,
  Random,
  range,
  temporaryFolder,
  writeFiles,
} from './support.js';

const folder = temporaryFolder();

/** Large enough that native code has reason to split the work. */
const SKETCHES: [string, LayerSketch][] = [
  ['f32 by neuron', { hiddenSize: 172, numNeurons: 120, formats: ['f32', 'f32', 'f32'] }],
  ['f16 by neuron', { hiddenSize: 200, numNeurons: 240, neuronsPerBundle: 3, formats: ['f16', 'f16', 'f16'] }],
  [
    'q4_0 by neuron',
    { hiddenSize: 256, numNeurons: 320, neuronsPerBundle: 4, formats: ['q4_0', 'q4_0', 'q8_0'], activation: 'relu' },
  ],
  ['ungated', { hiddenSize: 256, numNeurons: 320, formats: [null, 'q8_0', 'q4_1'], activation: 'gelu' }],
  [
    'q4_1 by output',
    {
      hiddenSize: 256,
      numNeurons: 384,
      neuronsPerBundle: 32,
      orientation: 'by-output',
      formats: ['q4_1', 'q4_1', 'q4_1'],
    },
  ],
  [
    'apart, by output',
    {
      hiddenSize: 96,
      numNeurons: 512,
      neuronsPerBundle: 64,
      orientation: 'by-output',
      layout: 'apart',
      formats: ['q8_0', 'f16', 'f32'],
    },
  ],
];

describe.each(ISAS)('on %s the result does not depend', (isa) => {
  describe.each(SKETCHES)('(%s)', (_, sketch) => {
    const random = new Random(31);
    const built = buildLayer(random, sketch);
    const tokens = 21;
    const { hiddenSize } = sketch;
    const x = random.floats(tokens * hiddenSize);
    const bridge = openBridge({ isa, threads: 2 });
    const opened = openStream(bridge, folder, [built], { ringBytes: 2 ** 22 });
    const { stream } = opened;
    const numUnits = opened.numUnits[0];
    const expected = bits(computeAll(opened, built, 0, x, tokens));

    it('on the number of threads', () => {
      for (const threads of [1, 2, 3, 8]) {
        const other = openBridge({ isa, threads });
        const there = openStream(other, folder, [built]);
        expect(bits(computeAll(there, built, 0, x, tokens)).equals(expected)).toBe(true);
        there.stream.dispose();
        other.dispose();
      }
    });

    it('on how many tokens are computed at once', () => {
      for (const step of [1, 2, 3, 4, 16]) {
        const y = new Float32Array(tokens * hiddenSize);
        for (let t = 0; t < tokens; t += step) {
          const count = Math.min(step, tokens - t);
          const piece = x.slice(t * hiddenSize, (t + count) * hiddenSize);
          y.set(computeAll(opened, built, 0, piece, count), t * hiddenSize);
        }
        expect(bits(y).equals(expected)).toBe(true);
      }
    });

    it('on how the units are cut into calls, nor on the slots they lie in', () => {
      for (let round = 0; round < 3; round++) {
        const slots = Uint32Array.from(random.shuffled(range(numUnits)));
        const y = new Float32Array(tokens * hiddenSize);
        stream.request(0, range(numUnits), slots, numUnits);
        for (let from = 0; from < numUnits; ) {
          const count = Math.min(1 + random.below(numUnits / 2), numUnits - from);
          const units = range(numUnits).slice(from, from + count);
          stream.ffn(
            ffnCall({ units, slots: slots.slice(from, from + count), count, x, tokens, y, accumulate: from > 0 }),
          );
          from += count;
        }
        expect(bits(y).equals(expected)).toBe(true);
      }
    });

    it('on whether units come through the ring, by request, or both', () => {
      const scheduleOf = (units: Uint32Array) => Uint32Array.from([...units].flatMap((unit) => [0, unit]));
      stream.startRing({ arenaOffset: opened.ringOffset, slots: 3, schedule: scheduleOf(range(numUnits)) });
      const y = new Float32Array(tokens * hiddenSize);
      for (let lap = 0; lap < 2; lap++) {
        stream.ffn(ffnCall({ units: range(numUnits), slots: new Uint32Array(numUnits).fill(RING_SLOT), x, tokens, y }));
        expect(bits(y).equals(expected)).toBe(true);
      }

      const mixed = range(numUnits).map((unit) => (unit % 3 === 0 ? RING_SLOT : unit));
      const ringUnits = range(numUnits).filter((unit) => unit % 3 === 0);
      const requested = range(numUnits).filter((unit) => unit % 3 !== 0);
      stream.startRing({ arenaOffset: opened.ringOffset, slots: 2, schedule: scheduleOf(ringUnits) });
      stream.request(0, requested, requested, requested.length);
      stream.ffn(ffnCall({ units: range(numUnits), slots: mixed, x, tokens, y }));
      expect(bits(y).equals(expected)).toBe(true);
    });

    it.skipIf(sketch.orientation === 'by-output')('on how many bundles make a unit', () => {
      for (const bundlesPerUnit of [2, 3, 64]) {
        const wider: BuiltLayer = { ...built, layer: { ...built.layer, bundlesPerUnit } };
        const there = openStream(bridge, folder, [wider]);
        expect(bits(computeAll(there, wider, 0, x, tokens)).equals(expected)).toBe(true);
        there.stream.dispose();
      }
    });

    it('on reads being direct or not, merged or not', () => {
      for (const [direct, mergeGapBytes, readThreads] of [
        [true, 0, 1],
        [true, 65536, 8],
        [false, 0, 8],
      ] as const) {
        const there = openStream(bridge, folder, [built], { direct, mergeGapBytes, readThreads });
        expect(bits(computeAll(there, built, 0, x, tokens)).equals(expected)).toBe(true);
        there.stream.dispose();
      }
    });
  });

  it.each(['gate', 'up'] as const)('on whether the %s products are taken from a resident matrix', (part) => {
    const random = new Random(8);
    for (const format of ['f32', 'f16', 'q8_0', 'q4_0', 'q4_1'] as const)
      for (const neuronsPerBundle of [1, 1, 4, 4]) {
        const sketch: LayerSketch = {
          hiddenSize: 128,
          numNeurons: 200,
          neuronsPerBundle,
          activation: random.pick(ACTIVATIONS),
          formats: part === 'gate' ? [format, 'q8_0', 'f16'] : [null, format, 'f16'],
        };
        const built = buildLayer(random, sketch);
        const rest: BuiltLayer = { ...built, layer: { ...built.layer, residentPart: part } };
        const bridge = openBridge({ isa, threads: 2 });
        const whole = openStream(bridge, folder, [built]);
        const parted = openStream(bridge, folder, [rest]);
        // The resident copy: the part's rows out of all bundles.
        const bytes = rowBytes(format, 128) * neuronsPerBundle;
        const { offset, stride } = built.layer.extents[0];
        const rows = Array.from({ length: 200 / neuronsPerBundle }, (_, bundle) =>
          built.files[0].subarray(offset + bundle * stride, offset + bundle * stride + bytes),
        );
        const [path] = writeFiles(folder, [Buffer.concat(rows)]);
        const matrix = bridge.loadMatrix({
          path,
          offset: 0,
          rowStride: rowBytes(format, 128),
          rows: 200,
          columns: 128,
          format,
        });
        for (const tokens of [1, 2, 19]) {
          const x = random.floats(tokens * 128);
          const products = new Float32Array(tokens * 200);
          matrix.matmul(x, tokens, products);
          const expected = bits(computeAll(whole, built, 0, x, tokens));
          expect(
            bits(computeAll(parted, rest, 0, x, tokens, products)).equals(expected),
            `${format}, ${tokens} tokens`,
          ).toBe(true);
        }
        whole.stream.dispose();
        parted.stream.dispose();
        matrix.dispose();
        bridge.dispose();
      }
  });
});
