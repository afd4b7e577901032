import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { haveSharedData, sharedPath, withoutSharedData } from '../support/shared-data.js';

const LIBRARY = new URL('../../dist/src/index.js', import.meta.url).href;
let cacheDir: string;
beforeAll(() => {
  cacheDir = mkdtempSync(join(tmpdir(), 'flashrow-exit-'));
});
afterAll(() => rmSync(cacheDir, { recursive: true, force: true }));

/** How a program ends that leaves in the middle of a generation, `delay` ms after its first token. */
function leave(delay: number): Promise<[number | null, string | null]> {
  const program = `
    import { loadModel } from ${JSON.stringify(LIBRARY)};
    const model = await loadModel(${JSON.stringify(sharedPath('models/stories260K/stories260K.gguf'))}, { cacheDir: ${JSON.stringify(cacheDir)} });
    const generation = model.generate('Once', { maxTokens: 100000, ignoreEos: true });
    for await (const _ of generation) setTimeout(() => process.exit(3), ${delay});`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program], { stdio: 'ignore' });
  return new Promise((resolve) => child.once('exit', (code, signal) => resolve([code, signal])));
}

describe.skipIf(!haveSharedData)(`process.exit in the middle of a generation${withoutSharedData}`, () => {
  it('ends the process with its code, and never by a signal', async () => {
    for (let delay = 0; delay < 10; delay++) expect(await leave(delay)).toEqual([3, null]);
  });
});
