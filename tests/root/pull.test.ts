import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { randomGguf, Served } from '../hub/support.js';
import { withFileSystem } from './file-systems.js';
import { isRootRun, unlessRootRun } from './suite.js';

describe.skipIf(!isRootRun)(`a pull${unlessRootRun}`, () => {
  const model = isRootRun ? randomGguf('q8_0', 'tiny-relu') : Buffer.alloc(0);
  const served = new Served({ 'o/m': { 'm-Q8_0.gguf': model } });

  it('onto a disk with room for the model alone, and not for what it is converted to, is DISK_FULL', async () => {
    await withFileSystem(`size=${Math.ceil(1.5 * model.length)}`, async ({ path, remount }) => {
      const { code, details } = await served.error('o/m', '--cache-dir', path);
      expect(code).toBe('DISK_FULL');
      expect(details.neededBytes).toBeGreaterThan(1.5 * model.length);
      expect(readdirSync(path)).toEqual([]);
      remount(`size=${Number(details.neededBytes) + 65_536}`);
      expect((await served.pull('o/m', '--cache-dir', path)).exitCode).toBe(0);
    });
  });

  it('onto a disk that is read-only is NOT_WRITABLE', async () => {
    await withFileSystem('size=64m', async ({ path, remount }) => {
      remount('ro');
      expect(await served.error('o/m', '--cache-dir', path)).toMatchObject({
        code: 'NOT_WRITABLE',
        message: expect.stringMatching(/EROFS.*choose a place that can be written/),
      });
    });
  });
});
