import { afterAll, describe, expect, it } from 'vitest';
import { openBridge } from '../../dist/native-bridge/index.js';
import {
  type BuiltLayer,
  bits,
  buildLayer,
  computeAll,
  ISAS,
  type LayerSketch,
  type Opened,
  openStream,
  Random,
  range,
  temporaryFolder,
  thrownBy,
} from './support.js';

const TOKENS = 6;
const folder = temporaryFolder();

/** An expert is a bundle of many neurons, its matrices in files of their own; a sparse row a bundle of one. */
const KINDS: Record<string, LayerSketch> = {
  experts: {
    hiddenSize: 64,
    numNeurons: 8 * 64,
    neuronsPerBundle: 64,
    orientation: 'by-output',
    layout: 'apart',
    start: 32,
    formats: ['q4_0', 'q4_1', 'q8_0'],
  },
  neurons: {
    hiddenSize: 64,
    numNeurons: 40,
    orientation: 'by-neuron',
    activation: 'relu',
    formats: ['f16', 'q8_0', 'f32'],
  },
};

/** Half of the weights zero, as where each token asks for some units only. */
const randomWeights = (random: Random, count: number) =>
  random.floats(count).map((weight) => (random.below(2) === 0 ? 0 : weight));

function compute({ stream, numUnits }: Opened, x: Float32Array, tokens: number, weights: Float32Array | null) {
  const units = range(numUnits[0]);
  const y = new Float32Array(tokens * 64);
  stream.request(0, units, units, units.length);
  stream.ffn(0, units, units, units.length, x, tokens, null, y, false, weights);
  return y;
}

describe.each(Object.entries(KINDS))('weights of %s', (_, sketch) => {
  describe.each(ISAS)('on %s', (isa) => {
    const bridge = openBridge({ isa, threads: 2 });
    const built: BuiltLayer = buildLayer(new Random(81), sketch);
    const opened = openStream(bridge, folder, [built]);
    const [units] = opened.numUnits;
    afterAll(() => {
      opened.stream.dispose();
      bridge.dispose();
    });

    it('multiply what each unit adds, token by token', () => {
      const random = new Random(82);
      const x = random.floats(TOKENS * 64);
      const weights = randomWeights(random, TOKENS * units);
      const y = compute(opened, x, TOKENS, weights);
      // What each unit adds by itself, which other tests compare with the network by its definition.
      const expected = new Float64Array(TOKENS * 64);
      for (let unit = 0; unit < units; unit++) {
        const alone = new Float32Array(TOKENS * 64);
        const [ids, slots] = [Uint32Array.of(unit), Uint32Array.of(unit)];
        opened.stream.ffn(0, ids, slots, 1, x, TOKENS, null, alone, false);
        for (let i = 0; i < alone.length; i++) expected[i] += weights[Math.floor(i / 64) * units + unit] * alone[i];
      }
      const largest = Math.max(...expected.map(Math.abs));
      // h is rounded to 16 bits after it was weighed, where the kernels take integers.
      for (let i = 0; i < y.length; i++) expect(Math.abs(y[i] - expected[i])).toBeLessThan(1e-4 * largest);
    });

    it('of one change nothing, to the last bit', () => {
      const x = new Random(83).floats(TOKENS * 64);
      const ones = new Float32Array(TOKENS * units).fill(1);
      expect(bits(compute(opened, x, TOKENS, ones))).toEqual(bits(computeAll(opened, built, 0, x, TOKENS)));
    });

    it('give a token of a chunk what they give it alone, to the last bit', () => {
      const random = new Random(84);
      const x = random.floats(TOKENS * 64);
      const weights = randomWeights(random, TOKENS * units);
      const chunk = compute(opened, x, TOKENS, weights);
      for (let token = 0; token < TOKENS; token++) {
        const own = weights.slice(token * units, (token + 1) * units);
        const alone = compute(opened, x.slice(token * 64, (token + 1) * 64), 1, own);
        expect(bits(chunk.slice(token * 64, (token + 1) * 64))).toEqual(bits(alone));
      }
    });

    it('of zero keep out even what is no number', () => {
      const x = new Random(85).floats(2 * 64);
      x.fill(Number.NaN, 64);
      const weights = new Float32Array(2 * units);
      weights.fill(0.5, 0, units);
      const y = compute(opened, x, 2, weights);
      expect([...y.subarray(0, 64)].every(Number.isFinite)).toBe(true);
      expect([...y.subarray(64)].every((value) => value === 0)).toBe(true);
      weights[units] = 1;
      expect(compute(opened, x, 2, weights).subarray(64).some(Number.isNaN)).toBe(true);
    });

    it('are refused where they are too few', () => {
      const x = new Float32Array(2 * 64);
      const error = thrownBy(() => compute(opened, x, 2, new Float32Array(2 * units - 1)));
      expect(error).toMatchObject({ code: 'USAGE' });
      expect(error.message).toContain('weights');
    });
  });

  it('make the same sums on one thread and on four', () => {
    const random = new Random(86);
    const x = random.floats(TOKENS * 64);
    const [one, four] = [1, 4].map((threads) => {
      const bridge = openBridge({ threads });
      const opened = openStream(bridge, folder, [buildLayer(new Random(81), sketch)], { direct: true });
      const weights = randomWeights(new Random(87), TOKENS * opened.numUnits[0]);
      const y = compute(opened, x, TOKENS, weights);
      opened.stream.dispose();
      bridge.dispose();
      return y;
    });
    expect(bits(one)).toEqual(bits(four));
  });
});
