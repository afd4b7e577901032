import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'flashrow-bench-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function bench(command: 'micro' | 'capped', args: string[]) {
  const main = fileURLToPath(new URL(`../../dist/bench/${command}/main.js`, import.meta.url));
  return new Promise<{ exitCode: number; stdout: string; stderr: string }>((resolve) => {
    execFile(process.execPath, [main, ...args], (error, stdout, stderr) => {
      resolve({ exitCode: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

describe('bench:capped without a cap or a peer', () => {
  const options = ['--shape', 'tiny', '--cap', 'none', '--peer', 'none', '--rounds', '1', '--max-tokens', '6'];

  it('makes a model, converts it, and accounts for every timed token', async () => {
    const json = join(folder, 'capped.json');
    const { exitCode, stdout, stderr } = await bench('capped', [...options, '--models', folder, '--json', json]);
    expect(exitCode, stderr).toBe(0);
    expect(stdout).toContain('| tokens/s ');
    expect(readdirSync(folder)).toEqual(expect.arrayContaining(['tiny-q4_1.gguf', 'tiny-q4_1.store']));
    const report = JSON.parse(readFileSync(json, 'utf8'));
    const [{ flashrow, peer, reading }] = report.rounds;
    expect(peer).toBe(null);
    expect(flashrow).toMatchObject({ failure: null, killed: 0 });
    expect(flashrow.anonymousBytes).toBeGreaterThan(flashrow.answer.receipt.cacheBytes);
    expect(flashrow.answer.receipt.bundlesMissed).toBe(0);
    expect(reading).toMatchObject({ deviceBytes: 0, records: 0, readSpeed: null });
    expect(reading.rooflineShare).toBeGreaterThan(0);
    expect(stdout + stderr + JSON.stringify(report)).not.toContain('NaN');
  });

  it.each([
    [['--shape', 'opt-6.7b'], 'f16 or f32'],
    [['--shape', 'opt-6.7b', '--format', 'f16', '--peer', 'llama.cpp'], 'llama.cpp has no OPT'],
    [['--select', 'gate'], 'Allowed choices'],
    [['--peer', 'somebody'], 'llama.cpp'],
    [['--rounds', '0'], 'whole number'],
    [['--context', '16'], 'raise it'],
    [['--shap', 'tiny'], 'Did you mean --shape'],
  ])('%j is bad usage', async (args, why) => {
    const { exitCode, stdout, stderr } = await bench('capped', args);
    expect([exitCode, stdout]).toEqual([2, '']);
    expect(stderr).toContain(why);
  });
});

describe('bench', () => {
  it('measures what it is asked for alone, and leaves nothing in its folder', async () => {
    const before = readdirSync(folder);
    const only = ['--only', 'cache lru|onnx call gemm 16 x1$|sampler greedy 32000'];
    const { exitCode, stdout, stderr } = await bench('micro', [...only, '--folder', folder, '--json', '-']);
    expect(exitCode, stderr).toBe(0);
    const { groups } = JSON.parse(stdout);
    expect(groups.map(({ title, rows }: { title: string; rows: object[] }) => [title, rows.length])).toEqual([
      ['cache', 1],
      ['onnx call', 1],
      ['sampler', 1],
    ]);
    expect(groups[0].rows[0]['missed %']).toBeCloseTo(50, 0);
    expect(stderr).toContain('| lru ');
    expect(readdirSync(folder)).toEqual(before);
  });

  it.each([
    [['--only', 'nothing of the kind'], 'matches nothing'],
    [['--only', '('], 'regular expression'],
    [['--threads', 'two'], 'whole number'],
  ])('%j is bad usage', async (args, why) => {
    const { exitCode, stderr } = await bench('micro', [...args, '--folder', folder]);
    expect(exitCode).toBe(2);
    expect(stderr).toContain(why);
  });
});
