import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { flashrow } from '../support/flashrow.js';
import { haveSharedData, sharedPath, withoutSharedData } from '../support/shared-data.js';

test.skipIf(!haveSharedData)(
  `the notice of a conversion names the formats that were not kept${withoutSharedData}`,
  async () => {
    const cache = mkdtempSync(join(tmpdir(), 'flashrow-notice-'));
    const run = (format: string) =>
      flashrow(['run', sharedPath(`quantized/llama-${format}.gguf`), 'hi', '--max-tokens', '1', '--cache-dir', cache]);
    const [changed, kept] = [await run('Q5_0'), await run('Q8_0')];
    rmSync(cache, { recursive: true });
    // Q5_0 has no kernel here (docs/models.md).
    expect(changed.stderr).toMatch(/^q5_0 to q8_0: \d+ tensors, relative error up to 0\.\d%$/m);
    expect(kept.stderr).not.toMatch(/ to q8_0: /);
  },
  60_000,
);
