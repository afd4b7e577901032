import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { takeLock } from '../../dist/src/disk/lock.js';

const folder = mkdtempSync(join(tmpdir(), 'flashrow-lock-'));
const path = join(folder, 'lock');
const WORK = 'calibrating the same store';
afterAll(() => rmSync(folder, { recursive: true }));
beforeEach(() => rmSync(path, { force: true }));

/** A process that has ended. */
const deadPid = () => spawnSync(process.execPath, ['--version']).pid;
const isBusy = (details: object) =>
  expect.objectContaining({ code: 'BUSY', details: expect.objectContaining({ lock: path, ...details }) });

describe('a lock', () => {
  it('names the process that takes it, and is taken once', () => {
    takeLock(path, WORK);
    expect(readFileSync(path, 'utf8').split(' ')[0]).toBe(String(process.pid));
    expect(() => takeLock(path, WORK)).toThrow(isBusy({ pid: process.pid }));
  });

  it('says what it is held for, and by whom', () => {
    takeLock(path, WORK);
    expect(() => takeLock(path, WORK)).toThrow(
      'this process is calibrating the same store already; wait until it is done',
    );
    writeFileSync(path, String(process.ppid));
    expect(() => takeLock(path, 'pulling o/m')).toThrow(
      `process ${process.ppid} is pulling o/m already; wait until it is done`,
    );
    expect(() => takeLock(join(folder, 'gone', 'lock'), WORK)).toThrow(
      'another process was calibrating the same store and is just ending; try again',
    );
  });

  it('can be taken again when its file is gone', () => {
    takeLock(path, WORK);
    rmSync(path);
    takeLock(path, WORK);
    expect(existsSync(path)).toBe(true);
  });

  it('is refused while another process holds it', () => {
    // The process that started the tests: it lives.
    writeFileSync(path, String(process.ppid));
    expect(() => takeLock(path, WORK)).toThrow(isBusy({ pid: process.ppid }));
    expect(readFileSync(path, 'utf8')).toBe(String(process.ppid));
  });

  it.each([
    ['of a process that has ended', () => String(deadPid())],
    ['that was left empty', () => ''],
    ['that holds no process', () => 'nobody'],
  ])('%s is taken over, and nothing is left beside it', (_, holder) => {
    writeFileSync(path, holder());
    takeLock(path, WORK);
    expect(readFileSync(path, 'utf8').split(' ')[0]).toBe(String(process.pid));
    expect(readdirSync(folder)).toEqual(['lock']);
  });

  it.skipIf(!existsSync('/proc/self/stat'))(
    'of an earlier process with the number of a living one is taken over (skipped without /proc)',
    () => {
      writeFileSync(path, `${process.ppid} 1`);
      takeLock(path, WORK);
      expect(readFileSync(path, 'utf8').split(' ')[0]).toBe(String(process.pid));
    },
  );

  it('in a folder that is gone is BUSY: its holder is just ending', () => {
    const gone = join(folder, 'gone', 'lock');
    expect(() => takeLock(gone, WORK)).toThrow(expect.objectContaining({ code: 'BUSY' }));
  });
});
