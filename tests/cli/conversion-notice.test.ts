import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { writeRandomGguf } from '../../dist/bench/model/random-gguf.js';
import { SHAPES } from '../../dist/bench/model/shapes.js';
import { flashrow } from '../support/flashrow.js';

test('the notice of a conversion names the formats that were not kept', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'flashrow-notice-'));
  const run = (format: 'q4_0' | 'f16') => {
    const checkpoint = join(folder, `${format}.gguf`);
    writeRandomGguf(checkpoint, SHAPES['tiny-relu'], format);
    return flashrow(['run', checkpoint, '--tokens', '[1]', '--max-tokens', '1', '--cache-dir', folder]);
  };
  const [changed, kept] = [await run('q4_0'), await run('f16')];
  rmSync(folder, { recursive: true });
  // Turning a down matrix breaks its blocks up (docs/models.md); numbers of 16 bits are in no block.
  const downs = SHAPES['tiny-relu'].numLayers;
  expect(changed.stderr).toMatch(new RegExp(`^q4_0 to q8_0: ${downs} tensors, relative error up to 0\\.\\d%$`, 'm'));
  expect(kept.stderr).toMatch(/^converted in /m);
  expect(kept.stderr).not.toMatch(/ to q8_0: /);
});
