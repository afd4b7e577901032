import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Measurement } from '../../src/cli/output/measurement.js';
import { flashrow, flashrowJson, start } from '../support/flashrow.js';
import { TALES } from '../support/shipped.js';

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const { version } = JSON.parse(read('package.json'));

describe('bench', () => {
  const cache = mkdtempSync(join(tmpdir(), 'flashrow-bench-'));
  const before = process.env.FLASHROW_CACHE;
  beforeAll(() => {
    process.env.FLASHROW_CACHE = cache;
  });
  afterAll(() => {
    rmSync(cache, { recursive: true });
    if (before === undefined) delete process.env.FLASHROW_CACHE;
    else process.env.FLASHROW_CACHE = before;
  });

  test('measures disk, kernels and a generation of the shipped model, and leaves nothing there', async () => {
    const { exitCode, json } = await flashrowJson<Measurement>(['bench', '--size', '17MB', '--memory', '8MB']);
    expect(exitCode).toBe(0);
    expect(json.flashrow).toBe(version);
    expect(json.machine.runtime).toBe(`Node ${process.version}`);
    expect(json.disk.bytesPerSecond).toBe(Math.max(...json.disk.curve.map(({ bytesPerSecond }) => bytesPerSecond)));
    expect(json.kernels.available).toContain(json.kernels.isa);
    const { generation } = json;
    expect(generation.usage.completion).toBe(64);
    expect(generation.receipt).toMatchObject({ budgetBytes: 8e6, speculation: { draft: 'off' } });
    expect(generation.receipt.decodeTokensPerSecond).toBeGreaterThan(0);
    expect(generation.cachedShare).toBeGreaterThan(0);
    expect(readdirSync(cache).filter((name) => name.endsWith('.tmp'))).toEqual([]);
    // It is made to be sent in: whose machine it is, and where the files lie, is nobody's business.
    expect(JSON.stringify(json)).not.toContain(cache);
    expect(JSON.stringify(json)).not.toContain(TALES);
  });

  test('prints a row that fits the table of docs/devices.md', async () => {
    const { exitCode, stdout, stderr } = await flashrow(['bench', TALES, '--size', '17MB']);
    expect(exitCode, stderr).toBe(0);
    const [heading, rule, row] = stdout.trimEnd().split('\n').slice(-3);
    expect(read('docs/devices.md')).toContain(`\n${heading}\n${rule}\n| `);
    expect(row.split(' | ')).toHaveLength(heading.split(' | ').length);
    expect(row).toContain(` | ${version} |`);
  });

  test('refuses a model that is not there before it measures anything', async () => {
    const { exitCode, json } = await flashrowJson(['bench', join(cache, 'none.gguf')]);
    expect([exitCode, json.error.code]).toEqual([1, 'NOT_FOUND']);
  });

  test('Ctrl-C ends it with 130 and takes the file away', async () => {
    const scratch = () => readdirSync(cache).filter((name) => name.endsWith('.tmp'));
    const { child, outcome } = start(['bench', '--json', '--size', '64MB']);
    await expect.poll(() => scratch().length, { timeout: 120_000 }).toBe(1);
    child.kill('SIGINT');
    const { exitCode, stdout } = await outcome;
    expect([exitCode, JSON.parse(stdout).error.code]).toEqual([130, 'ABORTED']);
    expect(scratch()).toEqual([]);
  });
});
