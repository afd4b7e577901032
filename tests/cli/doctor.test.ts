import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import type { Examination } from '../../src/plan/examination.js';
import { flashrow, flashrowJson, start } from '../support/flashrow.js';

const folder = mkdtempSync(join(tmpdir(), 'flashrow-doctor-'));
afterAll(() => rmSync(folder, { recursive: true }));

test('doctor measures a folder with a file of its own, and leaves nothing there', async () => {
  const { exitCode, json } = await flashrowJson<Examination>(['doctor', folder, '--size', '32MB']);
  expect(exitCode).toBe(0);
  expect(json.disk.path).toBe(folder);
  expect(json.disk.curve).toHaveLength(24);
  for (const { bytesPerSecond } of json.disk.curve) expect(bytesPerSecond).toBeGreaterThan(0);
  expect(json.cpu.available).toContain(json.cpu.kernels);
  expect(json.cpu.weightBytesPerSecond).toBeGreaterThan(0);
  expect(json.memory.availableBytes).toBeLessThanOrEqual(json.memory.totalBytes);
  expect(json.verdict[0]).toMatch(/By default a budget takes [\d.]+ .B of the [\d.]+ .B that are left/);
  expect(json.models.map(({ name }) => name)).toContain('Qwen3 30B A3B');
  for (const { fits, tokensPerSecond } of json.models) expect(tokensPerSecond !== null).toBe(fits);
  expect(readdirSync(folder)).toEqual([]);
});

test('doctor reads a large file that is there, and shows its curve as a chart', async () => {
  const file = join(folder, 'large');
  writeFileSync(file, Buffer.alloc(20 * 2 ** 20, 7));
  const { exitCode, stdout, stderr } = await flashrow(['doctor', file]);
  expect(exitCode, stderr).toBe(0);
  expect(stdout).toMatch(/^processor .*\nkernels .*\nmemory .*\ndisk +\S*large, .*\nsoftware +Node v/);
  expect(stdout).toMatch(/reads of +1 in flight +4 in flight +16 in flight +32 in flight\n4 KiB .*\u2588\n/);
  expect(stdout).toMatch(/4 MiB .*\u2588\n/);
  rmSync(file);
});

test.skipIf(!existsSync('/dev/shm'))('doctor says of a file system in memory that it is no disk', async () => {
  const { stdout } = await flashrow(['doctor', '/dev/shm', '--size', '17MB']);
  expect(stdout).toMatch(/^disk +\/dev\/shm, .* in memory: no disk is read$/m);
  expect(stdout).toContain('/dev/shm is memory, not a disk');
  expect(stdout).not.toContain('page cache');
});

test('doctor without kernels says why', async () => {
  const before = process.env.FLASHROW_ISA;
  process.env.FLASHROW_ISA = 'portable';
  try {
    const { json } = await flashrowJson<Examination>(['doctor', folder, '--size', '17MB']);
    expect(json.verdict.join('\n')).toMatch(/portable kernels run|compiled kernels are not used/);
  } finally {
    if (before === undefined) delete process.env.FLASHROW_ISA;
    else process.env.FLASHROW_ISA = before;
  }
});

test('doctor says what cannot be measured', async () => {
  const small = join(folder, 'small');
  writeFileSync(small, 'a');
  const codes = [];
  const messages = [];
  for (const args of [
    [join(folder, 'none')],
    [small],
    [folder, '--size', '900TB'],
    [folder, '--size', 'big'],
    [folder, '--size', '1MB'],
  ]) {
    const { code, message } = (await flashrowJson(['doctor', ...args])).json.error;
    codes.push(code);
    messages.push(message);
  }
  expect(codes).toEqual(['NOT_FOUND', 'BAD_USAGE', 'DISK_FULL', 'BAD_USAGE', 'BAD_USAGE']);
  expect(messages[2]).toContain('a smaller file written with --size');
  rmSync(small);
});

test('Ctrl-C ends it with 130 and takes the file away', async () => {
  const own = join(folder, 'own');
  mkdirSync(own);
  const { child, outcome } = start(['doctor', own, '--size', '64MB', '--json']);
  await expect.poll(() => existsSync(own) && readdirSync(own).length, { timeout: 120_000 }).toBe(1);
  child.kill('SIGINT');
  const { exitCode, stdout } = await outcome;
  expect([exitCode, JSON.parse(stdout).error.code]).toEqual([130, 'ABORTED']);
  expect(readdirSync(own)).toEqual([]);
});
