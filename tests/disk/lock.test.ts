import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { takeLock } from '../../dist/src/disk/lock.js';

const folder = mkdtempSync(join(tmpdir(), 'flashrow-lock-'));
const path = join(folder, 'lock');
afterAll(() => rmSync(folder, { recursive: true }));
beforeEach(() => rmSync(path, { force: true }));

/** A process that has ended. */
const deadPid = () => spawnSync(process.execPath, ['--version']).pid;
const isBusy = (details: object) =>
  expect.objectContaining({ code: 'BUSY', details: expect.objectContaining({ lock: path, ...details }) });

describe('a lock', () => {
  it('names the process that takes it, and is taken once', () => {
    takeLock(path);
    expect(readFileSync(path, 'utf8').split(' ')[0]).toBe(String(process.pid));
    expect(() => takeLock(path)).toThrow(isBusy({ pid: process.pid }));
  });

  it('can be taken again when its file is gone', () => {
    takeLock(path);
    rmSync(path);
    takeLock(path);
    expect(existsSync(path)).toBe(true);
  });

  it('is refused while another process holds it', () => {
    // The process that started the tests: it lives.
    writeFileSync(path, String(process.ppid));
    expect(() => takeLock(path)).toThrow(isBusy({ pid: process.ppid }));
    expect(readFileSync(path, 'utf8')).toBe(String(process.ppid));
  });

  it.each([
    ['of a process that has ended', () => String(deadPid())],
    ['that was left empty', () => ''],
    ['that holds no process', () => 'nobody'],
  ])('%s is taken over, and nothing is left beside it', (_, holder) => {
    writeFileSync(path, holder());
    takeLock(path);
    expect(readFileSync(path, 'utf8').split(' ')[0]).toBe(String(process.pid));
    expect(readdirSync(folder)).toEqual(['lock']);
  });

  it.skipIf(!existsSync('/proc/self/stat'))(
    'of an earlier process with the number of a living one is taken over (skipped without /proc)',
    () => {
      writeFileSync(path, `${process.ppid} 1`);
      takeLock(path);
      expect(readFileSync(path, 'utf8').split(' ')[0]).toBe(String(process.pid));
    },
  );

  it('in a folder that is gone is BUSY: its holder is just ending', () => {
    const gone = join(folder, 'gone', 'lock');
    expect(() => takeLock(gone)).toThrow(expect.objectContaining({ code: 'BUSY' }));
  });
});
