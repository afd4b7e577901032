import { describe, expect, it } from 'vitest';
import { Fields } from '../../../dist/src/model/fields.js';
import { refuseUnknownTraits } from '../../../dist/src/model/traits/unknown.js';

const refuse = (family: Parameters<typeof refuseUnknownTraits>[0], config: object) =>
  refuseUnknownTraits(family, Fields.of('config.json', config));

const GPT_OSS = { biases: true, activation: 'clamped-swiglu', quantMethod: 'mxfp4' } as const;

describe('traits that no kernel is made for', () => {
  it.each<[Parameters<typeof refuse>[0], object]>([
    [{}, { attention_bias: true }],
    [{}, { mlp_bias: true }],
    [{}, { quantization_config: { quant_method: 'mxfp4' } }],
    [{}, { clip_qkv: 8 }],
    [GPT_OSS, { attention_bias: false }],
    [GPT_OSS, { quantization_config: { quant_method: 'gptq' } }],
    [GPT_OSS, { quantization_config: {} }],
    [GPT_OSS, { swiglu_limit: 8 }],
    [GPT_OSS, { swiglu_alpha: 1.7 }],
  ])('of a family with %j are refused: %j', (family, config) => {
    const [key] = Object.keys(config);
    expect(() => refuse(family, config)).toThrow(
      expect.objectContaining({ code: 'UNSUPPORTED', message: expect.stringContaining(`"${key}"`) }),
    );
  });

  it.each<[Parameters<typeof refuse>[0], object]>([
    [{}, {}],
    [{}, { attention_bias: false, mlp_bias: false, clip_qkv: null, quantization_config: null }],
    // A limit means nothing without the activation that it limits.
    [{}, { swiglu_limit: 8 }],
    [
      GPT_OSS,
      { attention_bias: true, quantization_config: { quant_method: 'mxfp4' }, swiglu_limit: 7, swiglu_alpha: 1.702 },
    ],
  ])('are not found in a family with %j by %j', (family, config) => {
    expect(() => refuse(family, config)).not.toThrow();
  });
});
