import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { nativeUnavailableReason } from '../../dist/native-bridge/index.js';
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

/** Takes the lock in another process, and holds it until that is killed. */
async function holdElsewhere(...wrapper: string[]): Promise<ChildProcess> {
  const lock = new URL('../../dist/src/disk/lock.js', import.meta.url).href;
  const program = `import { takeLock } from ${JSON.stringify(lock)};
    takeLock(${JSON.stringify(path)}, 'elsewhere'); console.log('held'); setInterval(() => {}, 1e6);`;
  const [command, ...args] = [...wrapper, process.execPath, '--input-type=module', '-e', program];
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout!, 'data');
  return child;
}

async function kill(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL');
  await once(child, 'close');
}

const CONTAINER = ['unshare', '--pid', '--fork', '--mount-proc', '--kill-child'];
const canUnshare = spawnSync(CONTAINER[0], [...CONTAINER.slice(1), 'true']).status === 0;

describe('the lock of another process', () => {
  it('is held until that is killed, and then taken over', async () => {
    const holder = await holdElsewhere();
    expect(() => takeLock(path, WORK)).toThrow(isBusy({ pid: holder.pid }));
    await kill(holder);
    takeLock(path, WORK).release();
    expect(existsSync(path)).toBe(false);
  });

  it.skipIf(!canUnshare || nativeUnavailableReason() !== null)(
    'is seen out of another container, whose process ids are others (skipped without root and the addon)',
    async () => {
      const holder = await holdElsewhere(...CONTAINER);
      expect(readFileSync(path, 'utf8')).toMatch(/^1 /);
      expect(() => takeLock(path, WORK)).toThrow(/another container or machine .* remove .*lock/);
      await kill(holder);
      takeLock(path, WORK).release();
    },
  );
});

describe.skipIf(process.platform !== 'linux')('what a lock file says of its holder (skipped but on Linux)', () => {
  const boot = existsSync('/proc/self') ? readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim() : '';
  const namespace = existsSync('/proc/self') ? readlinkSync('/proc/self/ns/pid') : '';

  it.each([
    ['before the machine was started again', () => `${process.ppid} - other-boot ${namespace} here file`],
    ['as a dead process of this container', () => `${deadPid()} - ${boot} ${namespace} here file`],
  ])('%s: it is taken over', (_, text) => {
    writeFileSync(path, text());
    takeLock(path, WORK).release();
  });

  it.skipIf(nativeUnavailableReason() !== null)(
    "in another container, with the kernel's lock, which nobody holds: it is taken over (skipped without the addon)",
    () => {
      writeFileSync(path, `1 1 ${boot} pid:[1] there kernel`);
      takeLock(path, WORK).release();
    },
  );

  it("in another container, without the kernel's lock: nobody can tell, so it is BUSY", () => {
    writeFileSync(path, `1 1 ${boot} pid:[1] there file`);
    expect(() => takeLock(path, WORK)).toThrow(isBusy({ pid: 1 }));
    expect(() => takeLock(path, WORK)).toThrow('process 1 of another container or machine (there) is calibrating');
  });
});

it('goes with its folder', () => {
  const inner = mkdtempSync(join(folder, 'inner-'));
  const lock = takeLock(join(inner, 'lock'), WORK);
  writeFileSync(join(inner, 'more'), '');
  lock.releaseWithFolder();
  expect(existsSync(inner)).toBe(false);
});
