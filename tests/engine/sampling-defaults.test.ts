import { describe, expect, it } from 'vitest';
import { samplingDefaults } from '../../dist/src/engine/sampling-defaults.js';
import { generationConfigOf } from '../../dist/src/text/gguf/gguf-sampling.js';

/** The numbers that a GGUF file holds: 32 bits. */
const f32 = (sampling: Record<string, unknown>) =>
  Object.fromEntries(
    Object.entries(sampling).map(([key, value]) => [key, typeof value === 'number' ? Math.fround(value) : value]),
  );

describe('the sampling of generation_config.json', () => {
  it.each([
    [null, {}],
    [{}, {}],
    // transformers draws only where do_sample is true.
    [{ temperature: 0.6, top_p: 0.9 }, {}],
    [{ do_sample: false, temperature: 0.6, top_p: 0.9 }, {}],
    [{ do_sample: true }, { temperature: 1, topK: 50, topP: 1 }],
    // Null is "None" there, which turns a limit off.
    [{ do_sample: true, top_k: null, top_p: null }, { temperature: 1 }],
    [
      { do_sample: true, temperature: 0.6, top_k: 20, top_p: 0.95, min_p: 0.01 },
      { temperature: 0.6, topK: 20, topP: 0.95, minP: 0.01 },
    ],
    [
      { do_sample: true, top_k: null, typical_p: 0.9 },
      { temperature: 1, topP: 1, typicalP: 0.9 },
    ],
    [{ repetition_penalty: 1.05, typical_p: 1, num_beams: 1, no_repeat_ngram_size: 0 }, { repeatPenalty: 1.05 }],
  ])('of %j is %j, without a warning', (config, expected) => {
    expect(samplingDefaults(config)).toEqual({ defaults: expected, warnings: [] });
  });

  it('passes over numbers out of range, and names them', () => {
    const { defaults, warnings } = samplingDefaults({
      ...{ do_sample: true, temperature: -1, top_k: 2.5, top_p: 7, min_p: 'x' },
    });
    expect(defaults).toEqual({ temperature: 1, topK: 50, topP: 1 });
    expect(warnings.map((warning) => /advise (\w+)/.exec(warning)?.[1])).toEqual([
      ...['temperature', 'top_k', 'top_p', 'min_p'],
    ]);
  });

  it.each([
    { no_repeat_ngram_size: 3 },
    { bad_words_ids: [[1]] },
    { num_beams: 4 },
    { stop_strings: ['END'] },
    { begin_suppress_tokens: [1] },
  ])('%j is not done, and named', (config) => {
    expect(samplingDefaults(config).warnings).toEqual([expect.stringContaining(Object.keys(config)[0])]);
  });
});

describe('the sampling of a GGUF file', () => {
  const of = (sampling: Record<string, unknown>) => samplingDefaults(generationConfigOf(f32(sampling)));

  it.each([
    [{}, {}],
    [
      { temp: 0.6, top_p: 0.95, top_k: 20 },
      { temperature: 0.6, topP: 0.95, topK: 20 },
    ],
    [{ temp: 0.7 }, { temperature: 0.7 }],
    [{ temp: 0 }, { temperature: 0 }],
    [{ temp: -1 }, { temperature: 0 }],
    [
      { top_k: -1, temp: 0.8 },
      { temperature: 0.8, topK: 0 },
    ],
    [{ min_p: 0.05 }, { temperature: 1, minP: 0.05 }],
    [{ penalty_repeat: 1.1 }, { repeatPenalty: 1.1 }],
    [{ penalty_repeat: 1.1, penalty_last_n: 64 }, { repeatPenalty: 1.1 }],
    [{ penalty_repeat: 1.1, penalty_last_n: 0 }, {}],
    [
      { penalty_repeat: 1.1, penalty_last_n: 256 },
      { repeatPenalty: 1.1, penaltyWindow: 256 },
    ],
    [
      { penalty_repeat: 1.1, penalty_last_n: -1 },
      { repeatPenalty: 1.1, penaltyWindow: Number.POSITIVE_INFINITY },
    ],
    [{ penalty_last_n: 256 }, {}],
    [
      { temp: 1, xtc_probability: 0.5, xtc_threshold: 0.2 },
      { temperature: 1, xtcProbability: 0.5, xtcThreshold: 0.2 },
    ],
    [{ mirostat: 0, mirostat_tau: 5, mirostat_eta: 0.1, xtc_probability: 0, xtc_threshold: 0.1 }, {}],
  ])('%j is %j, without a warning', (sampling, expected) => {
    expect(of(sampling)).toEqual({ defaults: expected, warnings: [] });
  });

  it.each([
    [{ mirostat: 2 }, 'mirostat'],
    [{ temp: 1, xtc_probability: 5 }, 'xtc_probability'],
    [{ sequence: 'top_k;temperature' }, 'sequence'],
    [{ of_tomorrow: 1 }, 'of_tomorrow'],
  ])('%j is not done, and named', (sampling, key) => {
    expect(of(sampling).warnings).toEqual([expect.stringContaining(`general.sampling.${key}`)]);
  });
});
