import { afterAll, describe, expect, it } from 'vitest';
import { BridgeError, type LowRankTrainer, type LowRankTrainerOptions } from '../../dist/native-bridge/bridge.js';
import { openBridge } from '../../dist/native-bridge/index.js';
import { ISAS, Random, thrownBy } from './support.js';

/** Random bits [samples, ceil(neurons / 8)], about one in `oneIn` set. */
function randomBits(random: Random, samples: number, neurons: number, oneIn: number): Uint8Array {
  const bits = new Uint8Array(samples * Math.ceil(neurons / 8));
  for (let s = 0; s < samples; s++)
    for (let n = 0; n < neurons; n++) if (random.below(oneIn) === 0) set(bits, neurons, s, n);
  return bits;
}

const set = (bits: Uint8Array, neurons: number, sample: number, neuron: number) => {
  bits[sample * Math.ceil(neurons / 8) + (neuron >> 3)] |= 1 << (neuron & 7);
};
const isSet = (bits: Uint8Array, neurons: number, sample: number, neuron: number) =>
  (bits[sample * Math.ceil(neurons / 8) + (neuron >> 3)] >> (neuron & 7)) & 1;

/** The balanced logistic loss by its definition, in double precision. */
function naiveLoss(
  { hiddenSize, numNeurons, rank, activeShare }: LowRankTrainerOptions,
  parameters: Float64Array,
  x: Float32Array,
  active: Uint8Array,
  samples: number,
): number {
  const b = rank * hiddenSize;
  const bias = b + numNeurons * rank;
  let loss = 0;
  for (let s = 0; s < samples; s++)
    for (let n = 0; n < numNeurons; n++) {
      let score = parameters[bias + n];
      for (let r = 0; r < rank; r++)
        for (let c = 0; c < hiddenSize; c++)
          score += parameters[b + n * rank + r] * parameters[r * hiddenSize + c] * x[s * hiddenSize + c];
      const probability = 1 / (1 + Math.exp(-score));
      loss -= isSet(active, numNeurons, s, n)
        ? Math.log(probability) / (2 * activeShare)
        : Math.log(1 - probability) / (2 * (1 - activeShare));
    }
  return loss / (samples * numNeurons);
}

const parametersOf = ({ a, b, bias }: LowRankTrainer) => Float64Array.from([...a, ...b, ...bias]);

describe.each(ISAS)('training a low-rank predictor on %s', (isa) => {
  const bridge = openBridge({ isa, threads: 2 });
  afterAll(() => bridge.dispose());

  it('steps as Adam does along gradients from finite differences', () => {
    const random = new Random(61);
    const samples = 9;
    const options = { hiddenSize: 7, numNeurons: 21, rank: 3, activeShare: 0.3, seed: 5 };
    const trainer = bridge.createLowRankTrainer(options);
    const expected = parametersOf(trainer);
    const first = new Float64Array(expected.length);
    const second = new Float64Array(expected.length);
    for (let step = 1; step <= 3; step++) {
      const x = random.floats(samples * options.hiddenSize);
      const active = randomBits(random, samples, options.numNeurons, 3);
      const before = naiveLoss(options, expected, x, active, samples);
      const gradient = expected.map((value, i) => {
        const shifted = (by: number) => {
          const parameters = expected.slice();
          parameters[i] = value + by;
          return naiveLoss(options, parameters, x, active, samples);
        };
        return (shifted(1e-5) - shifted(-1e-5)) / 2e-5;
      });
      gradient.forEach((g, i) => {
        first[i] = 0.9 * first[i] + 0.1 * g;
        second[i] = 0.999 * second[i] + 0.001 * g * g;
        expected[i] -= (0.01 * (first[i] / (1 - 0.9 ** step))) / (Math.sqrt(second[i] / (1 - 0.999 ** step)) + 1e-8);
      });
      expect(Math.abs(trainer.train(x, active, samples, 0.01) / before - 1)).toBeLessThan(1e-4);
    }
    const furthest = Math.max(...parametersOf(trainer).map((value, i) => Math.abs(value - expected[i])));
    expect(furthest).toBeLessThan(2e-4);
  });

  it('finds a predictor of low rank where there is one', () => {
    const random = new Random(62);
    const [hiddenSize, numNeurons, planted, batch] = [24, 60, 3, 64];
    const inner = random.floats(planted * hiddenSize);
    const outer = random.floats(numNeurons * planted);
    const draw = () => {
      const x = random.floats(batch * hiddenSize);
      const active = new Uint8Array(batch * Math.ceil(numNeurons / 8));
      for (let s = 0; s < batch; s++)
        for (let n = 0; n < numNeurons; n++) {
          let score = -1;
          for (let r = 0; r < planted; r++)
            for (let c = 0; c < hiddenSize; c++)
              score += outer[n * planted + r] * inner[r * hiddenSize + c] * x[s * hiddenSize + c];
          if (score > 0) set(active, numNeurons, s, n);
        }
      return { x, active };
    };
    const trainer = bridge.createLowRankTrainer({
      ...{ hiddenSize, numNeurons, rank: 4, activeShare: 0.2, seed: 1 },
    });
    const losses = Array.from({ length: 120 }, () => {
      const { x, active } = draw();
      return trainer.train(x, active, batch, 0.03);
    });
    expect(losses.at(-1)).toBeLessThan(losses[0] / 3);

    const { x, active } = draw();
    let [truly, found, wrongly] = [0, 0, 0];
    for (let s = 0; s < batch; s++)
      for (let n = 0; n < numNeurons; n++) {
        let score = trainer.bias[n];
        for (let r = 0; r < 4; r++)
          for (let c = 0; c < hiddenSize; c++)
            score += trainer.b[n * 4 + r] * trainer.a[r * hiddenSize + c] * x[s * hiddenSize + c];
        const label = isSet(active, numNeurons, s, n);
        truly += label;
        if (score > 0) label === 1 ? found++ : wrongly++;
      }
    expect(truly).toBeGreaterThan(100);
    expect(found / truly).toBeGreaterThan(0.95);
    expect(wrongly).toBeLessThan(truly / 2);
  });

  it('comes to the same bits whatever the threads, and with the same seed again', () => {
    const [hiddenSize, numNeurons, samples] = [70, 150, 37];
    const run = (threads: number, seed: number) => {
      const other = openBridge({ isa, threads });
      const random = new Random(63);
      const options = { hiddenSize, numNeurons, rank: 19, activeShare: 0.1, seed };
      const trainer = other.createLowRankTrainer(options);
      const losses = Array.from({ length: 3 }, () =>
        trainer.train(random.floats(samples * hiddenSize), randomBits(random, samples, numNeurons, 10), samples, 0.01),
      );
      other.dispose();
      return [...losses, ...parametersOf(trainer)];
    };
    const one = run(1, 9);
    expect(run(3, 9)).toEqual(one);
    expect(run(8, 9)).toEqual(one);
    expect(run(1, 10)).not.toEqual(one);
  });

  it('refuses what it cannot train on', () => {
    const options = { hiddenSize: 4, numNeurons: 9, rank: 2, activeShare: 0.1, seed: 1 };
    const trainer = bridge.createLowRankTrainer(options);
    for (const attempt of [
      () => bridge.createLowRankTrainer({ ...options, rank: 0 }),
      () => bridge.createLowRankTrainer({ ...options, activeShare: 0 }),
      () => trainer.train(new Float32Array(8), new Uint8Array(4), 2, Number.NaN),
      () => trainer.train(new Float32Array(7), new Uint8Array(4), 2, 0.01),
      () => trainer.train(new Float32Array(8), new Uint8Array(3), 2, 0.01),
      () => trainer.train(new Float32Array(8), new Uint8Array(4), 0, 0.01),
    ]) {
      const error = thrownBy(attempt);
      expect(error).toBeInstanceOf(BridgeError);
      expect((error as BridgeError).code).toBe('USAGE');
    }
  });
});
