import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it, onTestFinished } from 'vitest';
import { takeLock } from '../../dist/src/disk/lock.js';

const folder = mkdtempSync(join(tmpdir(), 'flashrow-lock-'));
afterAll(() => rmSync(folder, { recursive: true }));

it('is held by one call at a time, and says what it is held for', () => {
  const path = join(folder, 'mine');
  takeLock(path, 'calibrating the same store');
  expect(readFileSync(path, 'utf8').split(' ')[0]).toBe(String(process.pid));
  expect(() => takeLock(path, 'calibrating the same store')).toThrow(
    'this process is calibrating the same store already; wait until it is done',
  );
});

it('of another live process is BUSY, with its number', async () => {
  const path = join(folder, 'theirs');
  const other = spawn('sleep', ['60']);
  onTestFinished(() => void other.kill());
  writeFileSync(path, String(other.pid));
  expect(() => takeLock(path, 'pulling o/m')).toThrow(
    expect.objectContaining({
      code: 'BUSY',
      message: `process ${other.pid} is pulling o/m already; wait until it is done`,
      details: { lock: path, pid: other.pid },
    }),
  );
  expect(readFileSync(path, 'utf8')).toBe(String(other.pid));
});

it('of a process that has ended is taken over', async () => {
  const path = join(folder, 'left');
  const other = spawn('true');
  await new Promise((ended) => other.on('close', ended));
  writeFileSync(path, String(other.pid));
  takeLock(path, 'converting to the same place');
  expect(readFileSync(path, 'utf8').split(' ')[0]).toBe(String(process.pid));
});

it.each(['', 'nobody', '-1'])('that names no process (%j) is taken over', (holder) => {
  const path = join(folder, `nobody-${holder}`);
  writeFileSync(path, holder);
  takeLock(path, 'converting to the same place');
  expect(readFileSync(path, 'utf8').split(' ')[0]).toBe(String(process.pid));
});

it.skipIf(!existsSync('/proc/self/stat'))(
  'of an earlier process that had the number of a living one is taken over (skipped without /proc)',
  () => {
    const path = join(folder, 'reused');
    writeFileSync(path, `${process.ppid} 1`);
    takeLock(path, 'converting to the same place');
    expect(readFileSync(path, 'utf8').split(' ')[0]).toBe(String(process.pid));
  },
);

it('in a folder that is gone is BUSY: its holder is just ending', () => {
  expect(() => takeLock(join(folder, 'gone', 'lock'), 'calibrating the same store')).toThrow(
    'another process was calibrating the same store and is just ending; try again',
  );
});
