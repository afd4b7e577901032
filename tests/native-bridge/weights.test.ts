import { truncateSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { BridgeError, RING_SLOT, type RowStream } from '../../dist/native-bridge/bridge.js';
import type { RowFormat } from '../../dist/native-bridge/formats.js';
import { openBridge } from '../../dist/native-bridge/index.js';
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
  thrownBy,
} from './support.js';

const folder = temporaryFolder();

/**
 * Experts as a GGUF file has them: gate, up and down in tensors of their own, down by output, nothing aligned, no
 * checksums.
 */
const EXPERTS: LayerSketch = {
  hiddenSize: 128,
  numNeurons: 12 * 96,
  neuronsPerBundle: 96,
  orientation: 'by-output',
  layout: 'apart',
  start: 4128,
  checksums: false,
  formats: ['q4_0', 'q4_1', 'q8_0'],
};

const SKETCHES: [string, LayerSketch][] = [
  ['experts of mixed formats in three tensors', EXPERTS],
  ['experts of one neuron block each', { ...EXPERTS, numNeurons: 6 * 32, neuronsPerBundle: 32 }],
  ['experts as bundles of their own, ungated', { ...EXPERTS, layout: 'bundled', formats: [null, 'q4_1', 'f16'] }],
  ['experts by neuron', { ...EXPERTS, orientation: 'by-neuron', formats: ['q8_0', 'f16', 'q4_1'] }],
  ['small by-output bundles', { ...EXPERTS, numNeurons: 40, neuronsPerBundle: 4, formats: ['f32', 'q8_0', 'f32'] }],
  ['single neurons', { hiddenSize: 64, numNeurons: 90, formats: ['q4_0', 'q4_0', 'q8_0'], activation: 'relu' }],
  ['four neurons at a time', { hiddenSize: 96, numNeurons: 240, neuronsPerBundle: 4, formats: ['f16', 'q8_0', 'f32'] }],
];

/** Random weights [tokens, units]: most are 0, some tokens have none, some units are wanted by nobody. */
function sparseWeights(random: Random, tokens: number, units: number, share = 0.3): Float32Array {
  const unwanted = random.below(units);
  return new Float32Array(tokens * units).map((_, i) => {
    const [token, unit] = [Math.floor(i / units), i % units];
    return token % 7 === 5 || unit === unwanted || random.next() > share ? 0 : random.next() * 2 - 0.5;
  });
}

/** The weighed sum by its definition: every bundle's network on its own, times its weight. */
function naiveWeighed({ layer, ...built }: BuiltLayer, x: Float32Array, tokens: number, weights: Float32Array) {
  const count = weights.length / tokens;
  const y = new Float64Array(tokens * layer.hiddenSize);
  const bound = new Float64Array(y.length).fill(1e-7);
  for (let unit = 0; unit < count; unit++) {
    const alone = naiveFfn({ layer, ...built }, x, tokens, [unit]);
    for (let i = 0; i < y.length; i++) {
      const weight = weights[Math.floor(i / layer.hiddenSize) * count + unit];
      if (weight === 0) continue;
      y[i] += weight * alone.y[i];
      bound[i] += Math.abs(weight) * alone.bound[i];
    }
  }
  return { y, bound };
}

/** Units 0..count, found in slots of the same number; with `request`, read first. */
function weighed(
  stream: RowStream,
  { layer }: BuiltLayer,
  x: Float32Array,
  tokens: number,
  weights: Float32Array | null,
  {
    request = true,
    slots = range(layer.numNeurons / layer.neuronsPerBundle),
    residentProducts = null as Float32Array | null,
  } = {},
): Float32Array {
  const units = range(layer.numNeurons / layer.neuronsPerBundle);
  const y = new Float32Array(tokens * layer.hiddenSize);
  if (request) stream.request(0, units, slots, units.length);
  stream.ffn(ffnCall({ units, slots, x, tokens, residentProducts, weights, y }));
  return y;
}

describe.each(ISAS)('weights on %s', (isa) => {
  describe.each(SKETCHES)('(%s)', (_, sketch) => {
    const random = new Random(51);
    const built = buildLayer(random, sketch);
    const { hiddenSize, neuronsPerBundle = 1 } = sketch;
    const count = sketch.numNeurons / neuronsPerBundle;
    const bridge = openBridge({ isa, threads: 2 });
    const opened = openStream(bridge, folder, [built], { direct: true, ringBytes: 2 ** 21 });
    const { stream } = opened;

    it('multiply what each unit adds to each token', () => {
      for (const tokens of [1, 2, 9, 40]) {
        const x = random.floats(tokens * hiddenSize);
        const weights = sparseWeights(random, tokens, count);
        const { y, bound } = naiveWeighed(built, x, tokens, weights);
        const actual = weighed(stream, built, x, tokens, weights);
        expect(firstBeyond(actual, y, bound), `${tokens} tokens`).toBeNull();
      }
    });

    it('of one are as none, and of zero leave y as it is', () => {
      const x = random.floats(5 * hiddenSize);
      const plain = weighed(stream, built, x, 5, null);
      expect(bits(weighed(stream, built, x, 5, new Float32Array(5 * count).fill(1))).equals(bits(plain))).toBe(true);
      for (const tokens of [1, 5]) {
        const y = random.floats(tokens * hiddenSize);
        const before = y.slice();
        const none = new Float32Array(tokens * count);
        stream.ffn(
          ffnCall({ units: range(count), slots: range(count), x, tokens, weights: none, y, accumulate: true }),
        );
        expect(y).toEqual(before);
      }
    });

    it('give a token the same bits alone and among others, on any number of threads', () => {
      const tokens = 23;
      const x = random.floats(tokens * hiddenSize);
      const weights = sparseWeights(random, tokens, count);
      const expected = bits(weighed(stream, built, x, tokens, weights));
      for (const step of [1, 2, 5]) {
        const y = new Float32Array(tokens * hiddenSize);
        for (let t = 0; t < tokens; t += step) {
          const end = Math.min(tokens, t + step);
          const piece = x.slice(t * hiddenSize, end * hiddenSize);
          y.set(weighed(stream, built, piece, end - t, weights.slice(t * count, end * count)), t * hiddenSize);
        }
        expect(bits(y).equals(expected), `${step} at a time`).toBe(true);
      }
      for (const threads of [1, 3, 4]) {
        const other = openBridge({ isa, threads });
        const there = openStream(other, folder, [built], { readThreads: threads });
        expect(bits(weighed(there.stream, built, x, tokens, weights)).equals(expected), `${threads} threads`).toBe(
          true,
        );
        there.stream.dispose();
        other.dispose();
      }
    });

    it('give the same bits through the ring, and in calls of a few units', () => {
      const tokens = 11;
      const x = random.floats(tokens * hiddenSize);
      const weights = sparseWeights(random, tokens, count);
      const expected = bits(weighed(stream, built, x, tokens, weights));
      const schedule = Uint32Array.from([...range(count)].flatMap((unit) => [0, unit]));
      stream.startRing({ arenaOffset: opened.ringOffset, slots: 2, schedule });
      const slots = new Uint32Array(count).fill(RING_SLOT);
      for (let lap = 0; lap < 2; lap++)
        expect(bits(weighed(stream, built, x, tokens, weights, { request: false, slots })).equals(expected)).toBe(true);

      const y = new Float32Array(tokens * hiddenSize);
      for (let from = 0; from < count; from += 5) {
        const units = range(count).slice(from, from + 5);
        const part = new Float32Array(tokens * units.length).map(
          (_, i) => weights[Math.floor(i / units.length) * count + from + (i % units.length)],
        );
        stream.ffn(ffnCall({ units, slots: units, x, tokens, weights: part, y, accumulate: from > 0 }));
      }
      expect(bits(y).equals(expected)).toBe(true);
    });

    it('of zero keep a unit out, even where its products or its weights are no numbers', () => {
      const tokens = 6;
      const spoilt = { ...built, files: built.files.map((bytes) => bytes.slice()) };
      // Unit 1 is all ones: NaN in every format with a float in it.
      for (const { file, offset, stride, bytes } of built.layer.extents)
        spoilt.files[file].fill(255, offset + stride, offset + stride + bytes);
      const there = openStream(bridge, folder, [{ ...spoilt, layer: { ...built.layer, checksums: null } }]);
      for (const count1 of [1, tokens]) {
        const x = random.floats(count1 * hiddenSize);
        const weights = new Float32Array(count1 * count).map((_, i) => (i % count === 1 ? 0 : random.next()));
        const clean = weighed(stream, built, x, count1, weights);
        expect(bits(weighed(there.stream, built, x, count1, weights)).equals(bits(clean))).toBe(true);
      }
      there.stream.dispose();

      const x = random.floats(tokens * hiddenSize);
      const weights = sparseWeights(random, tokens, count, 0.6);
      const clean = weighed(stream, built, x, tokens, weights);
      x.fill(NaN, 2 * hiddenSize, 3 * hiddenSize);
      for (let unit = 0; unit < count; unit++) weights[2 * count + unit] = unit === 3 ? 1 : 0;
      const result = weighed(stream, built, x, tokens, weights);
      for (let t = 0; t < tokens; t++)
        if (t !== 2)
          expect(result.subarray(t * hiddenSize, (t + 1) * hiddenSize)).toEqual(
            clean.subarray(t * hiddenSize, (t + 1) * hiddenSize),
          );
      expect(result[2 * hiddenSize]).toBeNaN();
      weights.fill(0, 2 * count, 3 * count);
      expect(weighed(stream, built, x, tokens, weights).every((value) => Number.isFinite(value))).toBe(true);
    });

    it('for fewer tokens than there are are refused, and more do no harm', () => {
      const x = random.floats(2 * hiddenSize);
      const error = thrownBy(() => weighed(stream, built, x, 2, new Float32Array(2 * count - 1).fill(1)));
      expect(error).toBeInstanceOf(BridgeError);
      expect(error.code).toBe('USAGE');
      expect(error.message).toContain('weights');
      expect(thrownBy(() => weighed(stream, built, x, 2, [1] as never)).code).toBe('USAGE');
      const plain = weighed(stream, built, x, 2, null);
      expect(bits(weighed(stream, built, x, 2, new Float32Array(2 * count + 9).fill(1))).equals(bits(plain))).toBe(
        true,
      );
    });

    it('survive a unit that cannot be read: the error says which, and the others still compute', () => {
      const there = openStream(bridge, folder, [built], { direct: true });
      const last = built.layer.extents.length - 1;
      const { offset, stride, bytes } = built.layer.extents[last];
      const end = offset + (count - 2) * stride + bytes - 1;
      truncateSync(there.paths[last], end);
      for (const tokens of [1, 8]) {
        const x = random.floats(tokens * hiddenSize);
        const weights = new Float32Array(tokens * count).fill(0.5);
        const error = thrownBy(() => weighed(there.stream, built, x, tokens, weights));
        expect(error).toBeInstanceOf(BridgeError);
        expect(error.code).toBe(isa === 'ts' ? 'CORRUPT' : 'IO');
        expect(error.details).toMatchObject({ layer: 0, bundle: count - 2, path: there.paths[last], offset: end });

        const [two, y] = [range(2), new Float32Array(tokens * hiddenSize)];
        there.stream.request(0, two, two, 2);
        there.stream.ffn(ffnCall({ units: two, slots: two, x, tokens, weights: weights.subarray(0, 2 * tokens), y }));
        const expected = naiveFfn(built, x, tokens, [0, 1]);
        const half = expected.y.map((value) => value / 2);
        expect(firstBeyond(y, half, expected.bound)).toBeNull();
      }
      there.stream.dispose();
    });
  });

  it('and the products of a resident gate go together, for bundles of any size', () => {
    const random = new Random(52);
    const bridge = openBridge({ isa, threads: 2 });
    for (const neuronsPerBundle of [1, 8, 32, 64]) {
      const formats: [RowFormat, RowFormat, RowFormat] = ['f32', 'q8_0', 'q4_1'];
      const whole = buildLayer(random, { hiddenSize: 64, numNeurons: 192, neuronsPerBundle, formats });
      const rest = { ...whole, layer: { ...whole.layer, residentPart: 'gate' as const } };
      const { stream } = openStream(bridge, folder, [rest]);
      const tokens = 5;
      const x = random.floats(tokens * 64);
      const residentProducts = new Float32Array(tokens * 192).map((_, i) => {
        let sum = 0;
        for (let c = 0; c < 64; c++) sum += whole.weights.gate![(i % 192) * 64 + c] * x[Math.floor(i / 192) * 64 + c];
        return sum;
      });
      const weights = sparseWeights(random, tokens, 192 / neuronsPerBundle);
      const { y, bound } = naiveWeighed(whole, x, tokens, weights);
      expect(firstBeyond(weighed(stream, rest, x, tokens, weights, { residentProducts }), y, bound)).toBeNull();
      stream.dispose();
    }
    bridge.dispose();
  });
});
