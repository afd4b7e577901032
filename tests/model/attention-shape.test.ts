import { describe, expect, it } from 'vitest';
import { attentionShape } from '../../dist/src/model/attention-shape.js';
import { Fields } from '../../dist/src/model/fields.js';

const KEYS = { hiddenSize: 'width', heads: 'heads', keyValueHeads: 'kv', headDim: 'dim' };
const shape = (values: object) => attentionShape(Fields.of('config.json', values), KEYS);

describe('the shape of attention', () => {
  it('is the hidden size cut among the heads, each with keys of its own, where nothing else is said', () => {
    expect(shape({ width: 96, heads: 6 })).toEqual({
      hiddenSize: 96,
      numAttentionHeads: 6,
      numKeyValueHeads: 6,
      headDim: 16,
    });
  });

  it('may have heads of a size of their own, and keys that several queries share', () => {
    expect(shape({ width: 100, heads: 6, kv: 2, dim: 32 })).toEqual({
      hiddenSize: 100,
      numAttentionHeads: 6,
      numKeyValueHeads: 2,
      headDim: 32,
    });
  });

  it.each([
    ['kv', { width: 96, heads: 6, kv: 4 }],
    ['kv', { width: 96, heads: 6, kv: 12 }],
    ['heads', { width: 100, heads: 6 }],
    ['dim', { width: 18, heads: 6 }],
    ['dim', { width: 96, heads: 6, dim: 65538 }],
    ['width', { heads: 6 }],
    ['heads', { width: 96 }],
  ])('is CORRUPT, by the field %s, with %j', (key, values) => {
    expect(() => shape(values)).toThrow(
      expect.objectContaining({ code: 'CORRUPT', message: expect.stringContaining(`config.json: "${key}"`) }),
    );
  });
});
