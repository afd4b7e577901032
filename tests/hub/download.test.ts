import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { download } from '../../src/hub/download.js';
import { listRepository } from '../../src/hub/hub.js';
import { bytesToWrite, type PullPlan } from '../../src/hub/pull.js';
import { randomGguf, Served } from './support.js';

const model = randomGguf('q8_0');
const served = new Served({ 'o/m': { 'm-Q8_0.gguf': model } });
const folder = mkdtempSync(join(tmpdir(), 'flashrow-hub-disk-'));
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(() => vi.restoreAllMocks());

/** Makes every write to a file fail. */
async function failWrites(code: string): Promise<void> {
  const path = join(folder, 'any');
  writeFileSync(path, '');
  const file = await open(path);
  const prototype = Object.getPrototypeOf(file);
  await file.close();
  vi.spyOn(prototype, 'write').mockRejectedValue(Object.assign(new Error(`${code}: mocked`), { code }));
}

describe('a place for a model', () => {
  it.each([
    ['ENOSPC', 'DISK_FULL'],
    ['EDQUOT', 'DISK_FULL'],
    ['EROFS', 'NOT_WRITABLE'],
    ['EIO', 'IO'],
  ])('that says %s to a write is %s, and is not tried again', async (errno, code) => {
    const hub = { endpoint: served.endpoint, token: null, revision: 'main', stallMs: 500, onWait: vi.fn() };
    const [file] = await listRepository('o/m', hub);
    await failWrites(errno);
    const destination = join(folder, errno, 'm.gguf');
    await expect(download('o/m', file, destination, { hub, onBytes: () => {} })).rejects.toMatchObject({
      code,
      details: {
        path: expect.stringContaining(destination),
        ...(code === 'DISK_FULL' && { neededBytes: model.length }),
      },
    });
    expect(hub.onWait).not.toHaveBeenCalled();
    expect(served.hub.log.filter((line) => line.includes('bytes='))).toHaveLength(1);
  });

  it('below a file is NOT_WRITABLE', async () => {
    const file = join(served.cache, 'file');
    writeFileSync(file, '');
    expect(await served.error('o/m', '--cache-dir', file)).toMatchObject({
      code: 'NOT_WRITABLE',
      message: expect.stringMatching(/^cannot write .*file.*choose a place that can be written/),
    });
    expect(readdirSync(served.cache)).toEqual(['file']);
  });

  it('has room for what is still to fetch and for the conversion, or for nothing more where all is there', () => {
    const plan = { conversion: { needed: true, bytes: 70 } } as PullPlan['plan'];
    expect(bytesToWrite({ bytes: 100, bytesAtHand: 40, plan })).toBe(130);
    expect(bytesToWrite({ bytes: 100, bytesAtHand: 100, plan })).toBe(0);
  });
});

describe('a plan that does not fit', () => {
  it('is warned of, with the smallest budget that works, which works', async () => {
    const { exitCode, stderr, json } = await served.pull<{ plan: { minimumBytes: number } }>('o/m', '--memory', '1');
    expect(exitCode).toBe(0);
    const { minimumBytes } = json.plan;
    expect(stderr).toContain(`warning: this model will not run in 1 B; --memory ${minimumBytes} is the smallest`);
    const again = await served.pull('o/m', '--memory', String(minimumBytes));
    expect(again.stderr).not.toContain('warning');
  });
});
