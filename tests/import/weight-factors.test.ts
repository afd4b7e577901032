import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openCheckpoint } from '../../dist/src/import/open.js';
import { tinyLlama, writeGguf } from '../support/tiny-gguf.js';
import { expectFailure, scratchFolder } from './support.js';

const folder = scratchFolder();
const path = join(folder, 'scaled.gguf');

/** Opens the tiny model with a further tensor of these values. */
function openWith(name: string, values: number[], dimensions = [values.length]) {
  const gguf = tinyLlama();
  gguf.tensors.push({ name, dimensions, type: 0, bytes: 4 * values.length });
  const { file } = writeGguf(gguf);
  // It is the last one, padded to the alignment.
  const start = file.length - Math.ceil((4 * values.length) / gguf.alignment) * gguf.alignment;
  for (const [i, value] of values.entries()) file.writeFloatLE(value, start + 4 * i);
  writeFileSync(path, file);
  return openCheckpoint(path);
}

describe('a scale beside the weights of a GGUF file', () => {
  it.each([
    ['blk.0.attn_q.scale', 'layers.0.q'],
    ['blk.0.attn_output.scale', 'layers.0.o'],
    ['blk.0.ffn_down.scale', 'layers.0.down'],
  ])('%s is the factor of %s alone', (name, tensor) => {
    const { tensors } = openWith(name, [0.625]);
    for (const { name: found, factors } of tensors.values())
      expect(factors).toEqual(found === tensor ? [0.625] : undefined);
  });

  it('of activations is not needed', () => {
    for (const { factors } of openWith('blk.0.attn_q.input_scale', [3]).tensors.values())
      expect(factors).toBeUndefined();
  });

  it('of another shape is CORRUPT', () => {
    expectFailure('CORRUPT', /"blk.0.ffn_up.scale" is of shape \[2\]; \[1\] was expected/, () =>
      openWith('blk.0.ffn_up.scale', [1, 1]),
    );
  });

  it('that is no number is CORRUPT', () => {
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY])
      expectFailure('CORRUPT', /"blk.0.attn_k.scale" holds (NaN|Infinity) as a scale/, () =>
        openWith('blk.0.attn_k.scale', [value]),
      );
  });

  // The model has one layer, so there is no weight beside that of blk.1.
  it.each(['token_embd.scale', 'blk.0.attn_norm.scale', 'blk.1.attn_q.input_scale', 'blk.0.ffn_gate.0.scale'])(
    '%s is UNSUPPORTED, as nothing would apply it',
    (name) => {
      expectFailure('UNSUPPORTED', /has no place in this architecture/, () => openWith(name, [1]));
    },
  );
});
