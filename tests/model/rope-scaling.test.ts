import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { SourceTensors } from '../../dist/src/model/architecture.js';
import { Fields } from '../../dist/src/model/fields.js';
import { ggufContext, ggufScaling, huggingFaceContext, huggingFaceScaling } from '../../dist/src/model/rope-scaling.js';
import type { RotaryScaling } from '../../dist/src/model/spec.js';

interface Case {
  theta: number;
  dimension: number;
  factor: number;
  trained: number;
  inverseFrequencies: number[];
  magnitude: number;
}
interface Goldens {
  yarn: (Case & { beta_fast: number; beta_slow: number; whole: boolean })[];
  longrope: (Case & { short_factor: number[]; context: number })[];
  llama3: (Case & { low: number; high: number })[];
}

/** By the papers' formulas: golden/rotary.py. */
const goldens: Goldens = JSON.parse(readFileSync(new URL('../golden/rotary.json', import.meta.url), 'utf8'));

const fields = (values: object) => Fields.of('file', values);
/** The context of the whole model, which is not what a factor stretches where that is named. */
const CONFIG = fields({ max_position_embeddings: 2 ** 20 });

/** A pair that is slowed by a factor turns at theta's own frequency over that factor. */
function expectToTurn({ frequencyFactors, magnitude }: RotaryScaling, golden: Case): void {
  expect(frequencyFactors).toHaveLength(golden.dimension / 2);
  const turned = frequencyFactors!.map((factor, pair) => golden.theta ** ((-2 * pair) / golden.dimension) / factor);
  turned.forEach((frequency, pair) => {
    expect(frequency / golden.inverseFrequencies[pair]).toBeCloseTo(1, 9);
  });
  expect(magnitude).toBeCloseTo(golden.magnitude, 12);
}

function tensors(named: Record<string, number[]>): SourceTensors {
  return {
    shape: (name) => (named[name] ? [named[name].length] : null),
    floats: (name) => Float32Array.from(named[name]),
  };
}

describe('rope_scaling of config.json', () => {
  it.each(goldens.yarn)('turns by YaRN as the paper has it: $factor times $trained', (golden) => {
    const scaling = fields({
      rope_type: 'yarn',
      factor: golden.factor,
      original_max_position_embeddings: golden.trained,
      beta_fast: golden.beta_fast,
      beta_slow: golden.beta_slow,
      truncate: golden.whole,
    });
    expectToTurn(huggingFaceScaling(scaling, CONFIG, golden.theta, golden.dimension), golden);
  });

  it.each(goldens.llama3)('turns as Llama 3 does: $factor times $trained', (golden) => {
    const scaling = fields({
      rope_type: 'llama3',
      factor: golden.factor,
      low_freq_factor: golden.low,
      high_freq_factor: golden.high,
      original_max_position_embeddings: golden.trained,
    });
    expectToTurn(huggingFaceScaling(scaling, CONFIG, golden.theta, golden.dimension), golden);
  });

  it.each(goldens.longrope)('turns by the short factors of longrope', (golden) => {
    const config = fields({
      max_position_embeddings: golden.context,
      original_max_position_embeddings: golden.trained,
    });
    for (const type of ['longrope', 'su']) {
      const scaling = fields({ type, short_factor: golden.short_factor });
      expectToTurn(huggingFaceScaling(scaling, config, golden.theta, golden.dimension), golden);
      expect(huggingFaceContext(scaling, config)).toBe(golden.trained);
    }
  });

  it('takes the temperature that it names over the one that comes of the factor', () => {
    const yarn = fields({
      type: 'yarn',
      factor: 4,
      original_max_position_embeddings: 512,
      attention_factor: 1.5,
    });
    expect(huggingFaceScaling(yarn, CONFIG, 1e4, 8).magnitude).toBe(1.5);
  });

  it('leaves everything alone without it, over the whole context', () => {
    const config = fields({ max_position_embeddings: 777 });
    expect(huggingFaceScaling(null, config, 1e4, 8)).toEqual({ frequencyFactors: null, magnitude: 1 });
    expect(huggingFaceContext(null, config)).toBe(777);
  });
});

describe('rope scaling in GGUF metadata', () => {
  it.each(goldens.yarn.filter(({ whole }) => whole))('turns by YaRN: $factor times $trained', (golden) => {
    const metadata = fields({
      'm.rope.scaling.type': 'yarn',
      'm.rope.scaling.factor': golden.factor,
      'm.rope.scaling.original_context_length': golden.trained,
      'm.rope.scaling.yarn_beta_fast': golden.beta_fast,
      'm.rope.scaling.yarn_beta_slow': golden.beta_slow,
    });
    expectToTurn(ggufScaling('m', metadata, tensors({}), golden.theta, golden.dimension), golden);
  });

  it.each(goldens.longrope)('takes the short factors of longrope, up to the context that they hold for', (golden) => {
    const metadata = fields({
      'm.context_length': golden.context,
      'm.rope.scaling.original_context_length': golden.trained,
      'm.rope.scaling.attn_factor': golden.magnitude,
    });
    // Halves, quarters and the like are the same in 32 bits.
    const short = tensors({ 'rope_factors_short.weight': [1.5, 1.25, 2.5, 3.75] });
    expect(ggufScaling('m', metadata, short, golden.theta, golden.dimension)).toEqual({
      frequencyFactors: [1.5, 1.25, 2.5, 3.75],
      magnitude: golden.magnitude,
    });
    expect(ggufContext('m', metadata, short)).toBe(golden.trained);
    expect(ggufContext('m', metadata, tensors({}))).toBe(golden.context);
  });

  it('refuses factors of another length than the pairs that turn', () => {
    const factors = tensors({ 'rope_freqs.weight': [1, 1, 1] });
    expect(() => ggufScaling('m', fields({}), factors, 1e4, 8)).toThrow(
      expect.objectContaining({ code: 'CORRUPT', message: expect.stringContaining('4 factors') }),
    );
  });
});
