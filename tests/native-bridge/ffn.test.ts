import { afterAll, describe, expect, it } from 'vitest';
import type { RowFormat } from '../../dist/native-bridge/formats.js';
import { openBridge } from '../../dist/native-bridge/index.js';
import {
  ACTIVATIONS,
  ALL_FORMATS,
  type BuiltLayer,
  buildLayer,
  computeAll,
  ffnCall,
  firstBeyond,
  ISAS,
  type LayerSketch,
  multipliesIntegers,
  naiveActivation,
  naiveFfn,
  openStream,
  Random,
  temporaryFolder,
  writeFiles,
} from './support.js';

const folder = temporaryFolder();
const bridges = ISAS.map((isa) => openBridge({ isa, threads: 2 }));
afterAll(() => {
  for (const bridge of bridges) bridge.dispose();
});

/**
 * Every mix of formats for gate, up and down would be 125; these have each format in each place, beside each other one.
 */
const MIXES: [RowFormat, RowFormat, RowFormat][] = ALL_FORMATS.flatMap((format, i) =>
  [0, 1, 2].map((shift): [RowFormat, RowFormat, RowFormat] => [
    format,
    ALL_FORMATS[(i + shift) % 5],
    ALL_FORMATS[(i + 2 * shift) % 5],
  ]),
);

/** Streams the layer whole on every instruction set and compares each with the definition. */
function check(random: Random, sketch: LayerSketch, tokenCounts = [1, 3, 33], size = 1): void {
  const built = buildLayer(random, sketch);
  const paths = writeFiles(folder, built.files);
  const opened = bridges.map((bridge) => openStream(bridge, folder, [built], { paths }));
  for (const tokens of tokenCounts) {
    const x = random.floats(tokens * sketch.hiddenSize, size);
    const { y, bound, steps } = naiveFfn(built, x, tokens);
    // Squares differ so much in size that the steps of the largest show in the others.
    const bySteps = sketch.activation === 'relu-squared' ? bound.map((value, i) => value + steps[i]) : bound;
    const products = residentProducts(built, x, tokens);
    bridges.forEach(({ isa }, i) => {
      const actual = computeAll(opened[i], built, 0, x, tokens, products);
      const most = multipliesIntegers(isa) ? bySteps : bound;
      expect(firstBeyond(actual, y, most), `${isa}, ${JSON.stringify(sketch)}, ${tokens} tokens`).toBeNull();
    });
  }
  for (const { stream } of opened) stream.dispose();
}

/** The resident part's products, in double precision, as far as a layer wants them. */
function residentProducts({ layer, weights }: BuiltLayer, x: Float32Array, tokens: number): Float32Array | null {
  if (layer.residentPart === null) return null;
  const matrix = weights[layer.residentPart]!;
  const { hiddenSize, numNeurons } = layer;
  return new Float32Array(tokens * numNeurons).map((_, i) => {
    const [token, neuron] = [Math.floor(i / numNeurons), i % numNeurons];
    let sum = layer.biases?.[layer.residentPart!]?.[neuron] ?? 0;
    for (let c = 0; c < hiddenSize; c++) sum += matrix[neuron * hiddenSize + c] * x[token * hiddenSize + c];
    return sum;
  });
}

describe('the feed-forward network, on every instruction set,', () => {
  const random = new Random(77);

  describe.each(['by-neuron', 'by-output'] as const)('with down %s', (orientation) => {
    const neuronsPerBundle = orientation === 'by-output' ? 32 : 2;
    const shape = { hiddenSize: 64, numNeurons: 64, neuronsPerBundle, orientation };

    it.each(ACTIVATIONS)('computes %s gated and not, in every format', (activation) => {
      for (const format of ALL_FORMATS) {
        check(random, { ...shape, activation, formats: [format, format, format] });
        check(random, { ...shape, activation, formats: [null, format, format] });
      }
    });

    it('computes mixed formats, in one extent and in three files', () => {
      for (const formats of MIXES)
        for (const layout of ['bundled', 'apart'] as const) check(random, { ...shape, layout, formats }, [1, 5]);
    });

    it('computes sizes that no vector register divides', () => {
      for (const format of ['f32', 'f16'] as const)
        for (const hiddenSize of [1, 7, 20, 172])
          for (const bundle of [1, 3, 13])
            check(random, {
              hiddenSize,
              numNeurons: 39,
              neuronsPerBundle: bundle,
              orientation,
              formats: [format, format, format],
            });
    });

    it('computes a layer of one bundle, and of one neuron', () => {
      check(random, {
        hiddenSize: 32,
        numNeurons: 96,
        neuronsPerBundle: 96,
        orientation,
        formats: ['q4_0', 'q8_0', 'q4_1'],
      });
      check(random, { hiddenSize: 32, numNeurons: 1, orientation, formats: ['q8_0', 'q4_0', 'f16'] });
      check(random, { hiddenSize: 32, numNeurons: 1, orientation, formats: [null, 'f32', 'f32'] });
    });

    it('finds bundles behind padding, at odd offsets, several to a unit, with a short last unit', () => {
      for (const layout of ['bundled', 'apart'] as const)
        for (const padding of [0, 1, 250])
          for (const bundlesPerUnit of [1, 2, 3])
            check(random, {
              ...shape,
              numNeurons: 5 * neuronsPerBundle,
              layout,
              padding,
              bundlesPerUnit,
              start: 4093,
              formats: ['q4_1', 'f16', 'q8_0'],
            });
    });

    it('computes more tokens, and more neurons, than it takes at once', () => {
      check(random, { ...shape, hiddenSize: 32, formats: ['q4_0', 'q4_0', 'q8_0'] }, [600]);
      check(random, { ...shape, hiddenSize: 32, numNeurons: 2560, formats: [null, 'q8_0', 'f16'] }, [1, 6]);
    });
  });

  it('takes the products of a resident gate or up instead of reading it', () => {
    for (const formats of [
      ['f32', 'q8_0', 'f16'],
      ['q4_0', 'q4_0', 'q8_0'],
    ] as [RowFormat, RowFormat, RowFormat][])
      for (const neuronsPerBundle of [1, 4])
        for (const activation of ACTIVATIONS)
          check(random, {
            hiddenSize: 64,
            numNeurons: 32,
            neuronsPerBundle,
            activation,
            formats,
            residentPart: 'gate',
          });
    check(random, {
      hiddenSize: 64,
      numNeurons: 32,
      activation: 'relu',
      formats: [null, 'q8_0', 'q8_0'],
      residentPart: 'up',
    });
  });

  it('adds the biases of its neurons, gated and not, where a part is resident too', () => {
    for (const activation of ACTIVATIONS)
      for (const orientation of ['by-neuron', 'by-output'] as const) {
        const shape = { hiddenSize: 64, numNeurons: 96, neuronsPerBundle: 32, activation, orientation, biases: true };
        check(random, { ...shape, formats: ['q4_0', 'q8_0', 'f16'] });
        check(random, { ...shape, formats: [null, 'f32', 'q4_1'] });
      }
    const resident = { hiddenSize: 64, numNeurons: 32, activation: 'relu', biases: true } as const;
    check(random, { ...resident, formats: ['f32', 'q8_0', 'f16'], residentPart: 'gate' });
    check(random, { ...resident, formats: [null, 'q8_0', 'q8_0'], residentPart: 'up' });
  });

  it('multiplies products by the factors of a matrix, or of each expert, before biases', () => {
    const each = { gate: [2, 0.5, -1.5, 0.25], up: [0.75, 3, 1, -2], down: [1.25, 0.5, -0.75, 2] };
    const one = { gate: [0.375], up: null, down: [-1.75] };
    for (const activation of ['silu', 'clamped-swiglu'] as const)
      for (const orientation of ['by-neuron', 'by-output'] as const)
        for (const factors of [each, one]) {
          const shape = { hiddenSize: 64, numNeurons: 128, neuronsPerBundle: 32, activation, orientation, factors };
          check(random, { ...shape, formats: ['q4_0', 'q8_0', 'f16'], biases: true });
          check(random, { ...shape, formats: [null, 'f32', 'q4_1'] });
        }
    const resident = { hiddenSize: 64, numNeurons: 32, activation: 'relu', factors: one } as const;
    check(random, { ...resident, formats: ['f32', 'q8_0', 'f16'], residentPart: 'gate' });
  });

  it('refuses factors that are not of equal shares of the neurons', () => {
    const factors = { gate: null, up: [1, 2, 3], down: null };
    const built = buildLayer(random, { hiddenSize: 32, numNeurons: 32, formats: [null, 'f32', 'f32'], factors });
    for (const bridge of bridges) expect(() => openStream(bridge, folder, [built])).toThrow(/equal shares/);
  });

  it('is exact where activations are far out, in both directions', () => {
    for (const activation of ACTIVATIONS)
      check(
        random,
        { hiddenSize: 32, numNeurons: 32, activation, formats: ['f32', 'f32', 'f32'], scale: 1 },
        [4],
        1000,
      );
  });

  it('agrees with the definition on random layers of every kind', () => {
    for (let round = 0; round < 40; round++) {
      const orientation = random.pick(['by-neuron', 'by-output'] as const);
      const gate = random.below(4) === 0 ? null : random.pick(ALL_FORMATS);
      check(
        random,
        {
          hiddenSize: 32 * (1 + random.below(4)),
          numNeurons: 32 * 6,
          neuronsPerBundle: orientation === 'by-output' ? random.pick([32, 64]) : random.pick([1, 2, 8]),
          bundlesPerUnit: random.pick([1, 2, 5]),
          orientation,
          activation: random.pick(ACTIVATIONS),
          layout: random.pick(['bundled', 'apart'] as const),
          padding: random.pick([0, 37]),
          formats: [gate, random.pick(ALL_FORMATS), random.pick(ALL_FORMATS)],
        },
        [random.pick([1, 2, 17])],
      );
    }
  });
});

describe.each(bridges)('the feed-forward network on $isa', (bridge) => {
  const random = new Random(78);

  it.each(ACTIVATIONS)('knows %s to float32 precision, near zero and far from it', (activation) => {
    // One neuron of weight 1 in and 1 out: the network is the activation.
    const built = buildLayer(random, {
      hiddenSize: 1,
      numNeurons: 1,
      activation,
      formats: [null, 'f32', 'f32'],
      checksums: false,
    });
    for (const at of [0, 4]) Buffer.from(built.files[0].buffer).writeFloatLE(1, at);
    const opened = openStream(bridge, folder, [built]);
    const x = Float32Array.from({ length: 4001 }, (_, i) => (i - 2000) / 160);
    const expected = Float64Array.from(x, (value) => naiveActivation(activation, value));
    // A square outgrows its input; every other activation stays within it.
    const bound = x.map((value, i) => 2e-7 * (1 + Math.max(Math.abs(value), expected[i])));
    expect(firstBeyond(computeAll(opened, built, 0, x, x.length), expected, bound)).toBeNull();
    opened.stream.dispose();
  });

  it('gives zeros for zeros', () => {
    for (const activation of ACTIVATIONS) {
      const built = buildLayer(random, {
        hiddenSize: 64,
        numNeurons: 32,
        activation,
        formats: ['q4_1', 'q4_0', 'q8_0'],
      });
      const opened = openStream(bridge, folder, [built]);
      expect(computeAll(opened, built, 0, new Float32Array(64 * 9), 9).every((value) => value === 0)).toBe(true);
      opened.stream.dispose();
    }
  });

  it('adds to y, or overwrites it, and leaves what lies behind alone', () => {
    const built = buildLayer(random, { hiddenSize: 64, numNeurons: 16, formats: ['q8_0', 'q8_0', 'q8_0'] });
    const { stream } = openStream(bridge, folder, [built]);
    const x = random.floats(2 * 64);
    const { y, bound } = naiveFfn(built, x, 2, [3, 9]);
    const units = Uint32Array.of(3, 9, 11);
    const slots = Uint32Array.of(0, 1, 2);
    stream.request(0, units, slots, 2);
    const out = new Float32Array(3 * 64).fill(100);
    stream.ffn(ffnCall({ units, slots, count: 2, x, tokens: 2, y: out }));
    expect(firstBeyond(out, [...y, ...new Array(64).fill(100)], [...bound, ...new Array(64).fill(0)])).toBeNull();
    out.fill(1);
    stream.ffn(ffnCall({ units, slots, count: 2, x, tokens: 2, y: out, accumulate: true }));
    expect(
      firstBeyond(
        out.subarray(0, 128),
        y.map((value) => value + 1),
        bound.map((value) => value + 1e-6),
      ),
    ).toBeNull();
    stream.ffn(ffnCall({ units, slots, count: 0, x, tokens: 2, y: out, accumulate: true }));
    expect(
      firstBeyond(
        out.subarray(0, 128),
        y.map((value) => value + 1),
        bound.map((value) => value + 1e-6),
      ),
    ).toBeNull();
    stream.ffn(ffnCall({ units, slots, count: 0, x, tokens: 2, y: out }));
    expect([...out]).toEqual([...new Array(128).fill(0), ...new Array(64).fill(1)]);
    stream.dispose();
  });

  it('survives weights and inputs that are not finite, huge or subnormal', () => {
    for (const orientation of ['by-neuron', 'by-output'] as const)
      for (const format of ALL_FORMATS)
        for (const activation of ACTIVATIONS) {
          const sketch = { hiddenSize: 32, numNeurons: 32, neuronsPerBundle: 32, orientation, activation } as const;
          const built = buildLayer(random, { ...sketch, formats: [format, format, format], checksums: false });
          // Random bytes: every kind of scale and weight there is.
          for (const file of built.files) for (let i = 0; i < file.length; i++) file[i] = random.below(256);
          const opened = openStream(bridge, folder, [built]);
          for (const value of [NaN, Infinity, -Infinity, 3e38, 1e-42])
            expect(computeAll(opened, built, 0, new Float32Array(32 * 5).fill(value), 5)).toHaveLength(160);
          opened.stream.dispose();
        }
  });

  it('keeps tokens apart: one that is not finite does not spoil its neighbours', () => {
    for (const orientation of ['by-neuron', 'by-output'] as const) {
      const built = buildLayer(random, {
        hiddenSize: 64,
        numNeurons: 64,
        neuronsPerBundle: 32,
        orientation,
        formats: ['q4_0', 'q8_0', 'q4_1'],
      });
      const opened = openStream(bridge, folder, [built]);
      const x = random.floats(9 * 64);
      const clean = computeAll(opened, built, 0, x, 9);
      x.fill(NaN, 4 * 64, 5 * 64);
      const spoilt = computeAll(opened, built, 0, x, 9);
      for (let t = 0; t < 9; t++)
        if (t !== 4) expect(spoilt.subarray(t * 64, (t + 1) * 64)).toEqual(clean.subarray(t * 64, (t + 1) * 64));
      expect(spoilt[4 * 64]).toBeNaN();
      opened.stream.dispose();
    }
  });
});
