import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { SourceDigest } from '../../dist/src/import/digest.js';
import type { TensorFormat } from '../../dist/src/import/tensor-format.js';
import { scratchFolder } from './support.js';

it('tells a checkpoint of types that were once converted from one that an older version took it for', () => {
  const path = join(scratchFolder(), 'weights.bin');
  writeFileSync(path, Buffer.alloc(4096, 7));
  const digestOf = (format: TensorFormat) => {
    const digest = new SourceDigest();
    digest.addSamples([{ sourceName: 'x', shape: [1, 32], format, path, offset: 0, bytes: 2048 }]);
    return digest.hex();
  };
  // The older versions' digest goes by the bytes alone, and so does that of types they kept.
  const older = digestOf('q4_0');
  expect(digestOf('f16')).toBe(older);
  const once: TensorFormat[] = ['q5_0', 'q5_1', 'q2_K', 'q3_K', 'iq4_nl', 'iq4_xs', 'bf16'];
  expect(new Set([older, ...once.map(digestOf)]).size).toBe(1 + once.length);
});
