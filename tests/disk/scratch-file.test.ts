import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { lacksSpace } from '../../dist/src/disk/folders.js';
import { leftScratchFiles, withScratchFile } from '../../dist/src/disk/scratch-file.js';
import { listCached, removeCached } from '../../dist/src/hub/cached-models.js';

const scratch = mkdtempSync(join(tmpdir(), 'flashrow-scratch-'));
afterAll(() => rmSync(scratch, { recursive: true }));
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(scratch, 'folder-'));
});

const options = { onProgress: () => {} };
/** As a killed process leaves it. */
function leave(): string {
  const { pid } = spawnSync(process.execPath, ['--version']);
  const path = join(folder, `flashrow-doctor-${pid}.tmp`);
  writeFileSync(path, '12345');
  return path;
}

describe('a scratch file', () => {
  it('goes when the work is done, and is nobody else to remove before', async () => {
    await withScratchFile(folder, 1000, options, async (path) => {
      expect(existsSync(path)).toBe(true);
      expect(leftScratchFiles(folder)).toEqual([]);
    });
    expect(readdirSync(folder)).toEqual([]);
  });

  it('that a killed process left is removed by the next one', async () => {
    const left = leave();
    expect(leftScratchFiles(folder)).toEqual([left]);
    await withScratchFile(folder, 1000, options, async () => expect(existsSync(left)).toBe(false));
  });

  it('that a killed process left is listed, and removed by its name', () => {
    const left = leave();
    const [entry] = listCached(folder);
    expect(entry).toMatchObject({ kind: 'unfinished', path: left, bytes: 5 });
    expect(removeCached(entry.name, folder)).toMatchObject({ bytes: 5, paths: [left] });
    expect(listCached(folder)).toEqual([]);
  });
});

describe('too little space', () => {
  const space = { neededBytes: 10, freeBytes: 0 };

  it('is DISK_FULL where something can be written', () => {
    expect(lacksSpace(join(folder, 'a', 'b'), space)).toMatchObject({ code: 'DISK_FULL', details: space });
    expect(readdirSync(folder)).toEqual([]);
  });

  it.skipIf(process.platform !== 'linux')('is NOT_WRITABLE below /proc (skipped but on Linux)', () => {
    expect(lacksSpace('/proc/nope', space)).toMatchObject({ code: 'NOT_WRITABLE' });
  });
});
