import { mkdirSync, mkdtempSync, readdirSync, rmSync, statfsSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { FilePool } from '../../dist/src/disk/file-pool.js';
import { kindOf, openFile, readExactly, withFile } from '../../dist/src/disk/files.js';
import { makeFolder, statIfThere } from '../../dist/src/disk/folders.js';
import { freeBytes } from '../../dist/src/disk/free-bytes.js';
import { asWriteError } from '../../dist/src/disk/write-errors.js';

const folder = mkdtempSync(join(tmpdir(), 'flashrow-files-'));
afterAll(() => rmSync(folder, { recursive: true }));
const file = join(folder, 'digits');
writeFileSync(file, '0123456789');
symlinkSync(file, join(folder, 'link'));
symlinkSync(join(folder, 'nowhere'), join(folder, 'broken'));
mkdirSync(join(folder, 'inner'));

const coded = (code: string, details: object = {}) =>
  expect.objectContaining({ code, details: expect.objectContaining(details) });

describe('what lies at a path', () => {
  it.each([
    ['digits', 'file'],
    ['link', 'file'],
    ['inner', 'folder'],
    ['nowhere', null],
    ['broken', null],
    ['digits/below', null],
  ])('%s is %s', (name, kind) => {
    expect(kindOf(join(folder, name))).toBe(kind);
  });

  it.skipIf(process.platform === 'win32')('/dev/null is neither (skipped on Windows)', () => {
    expect(kindOf('/dev/null')).toBe('other');
    expect(() => openFile('/dev/null')).toThrow(coded('UNSUPPORTED', { path: '/dev/null' }));
  });

  it('is no path at all with a zero byte in it', () => {
    expect(() => openFile('a\0b')).toThrow(coded('NOT_FOUND'));
  });
});

describe('an open file', () => {
  it('is read from an offset, whole or not at all', () => {
    const into = new Uint8Array(4);
    withFile(file, (open) => {
      expect(open.size).toBe(10);
      readExactly(open, 3, into);
      expect(Buffer.from(into).toString()).toBe('3456');
      expect(() => readExactly(open, 8, into)).toThrow(coded('CORRUPT', { path: file, offset: 10 }));
    });
  });

  it('is open once in a pool, and closed with it', () => {
    const pool = new FilePool();
    const first = pool.open(file);
    expect(pool.open(file)).toBe(first);
    pool.close();
    expect(() => readExactly(first, 0, new Uint8Array(1))).toThrow(coded('IO'));
    readExactly(pool.open(file), 0, new Uint8Array(1));
    pool.close();
  });

  it.skipIf(process.platform !== 'linux')('is closed where its use fails (skipped off Linux)', () => {
    const open = () => readdirSync('/proc/self/fd').length;
    const before = open();
    for (let i = 0; i < 5; i++)
      expect(() =>
        withFile(file, () => {
          throw new Error('no');
        }),
      ).toThrow('no');
    expect(open()).toBe(before);
  });
});

describe('a folder', () => {
  it('is made with those above it, and again without a word', () => {
    const deep = join(folder, 'a', 'b', 'c');
    makeFolder(deep);
    makeFolder(deep);
    expect(statIfThere(deep)?.isDirectory()).toBe(true);
  });

  it('below a file is NOT_WRITABLE, and has nothing at its path', () => {
    expect(() => makeFolder(join(file, 'below'))).toThrow(coded('NOT_WRITABLE'));
    expect(statIfThere(join(file, 'below'))).toBeNull();
  });
});

describe('free bytes', () => {
  it('of a place that is not there yet are those of the folder above it', () => {
    const { blocks, bsize } = statfsSync(folder);
    const free = freeBytes(join(folder, 'not', 'yet', 'there'));
    expect(free).toBeGreaterThan(0);
    expect(free).toBeLessThanOrEqual(blocks * bsize);
  });
});

describe('a refusal to write', () => {
  const space = { neededBytes: 5, freeBytes: 3 };
  const told = (code: string) => asWriteError(Object.assign(new Error('no'), { code }), 'place', space);

  it.each([
    ['ENOSPC', 'DISK_FULL', { path: 'place', ...space }],
    ['EDQUOT', 'DISK_FULL', { path: 'place', ...space }],
    ['EACCES', 'NOT_WRITABLE', { path: 'place', errno: 'EACCES' }],
    ['EROFS', 'NOT_WRITABLE', { path: 'place', errno: 'EROFS' }],
    ['EIO', 'IO', { path: 'place', errno: 'EIO' }],
  ])('%s is %s', (errno, code, details) => {
    expect(told(errno)).toMatchObject({ code, details });
  });

  it('is nothing else: other failures stay as they are', () => {
    for (const error of [new Error('no'), Object.assign(new TypeError('no'), { code: 'ERR_INVALID_ARG_TYPE' })])
      expect(asWriteError(error, 'place', space)).toBe(error);
  });
});
