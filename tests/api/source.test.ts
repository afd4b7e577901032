import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { convertModel, examineModel, loadModel, planModel, verifyStore } from '../../dist/src/index.js';
import { TALES } from '../support/shipped.js';

const folder = mkdtempSync(join(tmpdir(), 'flashrow-source-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('a source', () => {
  const url = pathToFileURL(TALES);

  it.each([
    ['a URL', url],
    ['the text of one', url.href],
  ])('may be %s', async (_, source) => {
    expect((await examineModel(source)).path).toBe(TALES);
    expect((await planModel(source)).fits).toBe(true);
    expect((await verifyStore(source)).ok).toBe(true);
    const model = await loadModel(source, { contextSize: 32 });
    expect(model.info.path).toBe(TALES);
    await model.dispose();
  });

  it('of another scheme is refused by name', async () => {
    for (const source of [new URL('https://huggingface.co/o/m'), new URL('data:,x')])
      await expect(loadModel(source)).rejects.toMatchObject({
        code: 'BAD_USAGE',
        message: expect.stringContaining(`the model is a path or a file URL, not "${source.href}"`),
      });
  });

  it.each(['~', '~/models/m.gguf'])("%s is the shell's word, and no folder of that name appears", async (path) => {
    const said = { code: 'BAD_USAGE', message: expect.stringContaining('~ is a word of the shell') };
    await expect(loadModel(path)).rejects.toMatchObject(said);
    await expect(convertModel(TALES, path)).rejects.toMatchObject(said);
    await expect(loadModel(TALES, { cacheDir: path })).rejects.toMatchObject(said);
    expect(existsSync('~')).toBe(false);
  });
});
