import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';

const main = fileURLToPath(new URL('../../dist/bench/charts/main.js', import.meta.url));
const recorded = fileURLToPath(new URL('../../bench/results', import.meta.url));

it('bench:charts draws what is recorded, the same every time', () => {
  const draw = () => {
    const folder = mkdtempSync(join(tmpdir(), 'flashrow-bench-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    for (const name of readdirSync(recorded).filter((file) => file.endsWith('.json')))
      copyFileSync(join(recorded, name), join(folder, name));
    execFileSync(process.execPath, [main, '--results', folder], { stdio: 'pipe' });
    const drawn = readdirSync(folder).filter((file) => file.endsWith('.svg'));
    return drawn.map((name) => [name, readFileSync(join(folder, name), 'utf8')]);
  };
  const charts = draw();
  expect(draw()).toEqual(charts);
  const texts = new Map(charts as [string, string][]);
  expect(texts.get('replay.svg')).toContain('belady');
  const capped = texts.get('capped-llama2-7b-q4_1.svg')!;
  for (const text of ['llama.cpp, mapped', '(50%)', '(75%)', 'tokens/s by memory cap']) expect(capped).toContain(text);
  // The figures that the recorded tables show.
  const table = readFileSync(join(recorded, 'llama2-7b-q4_1-75.md'), 'utf8');
  const [, ours, theirs] = /\| tokens\/s +\| +([\d.]+) \| +([\d.]+) \|/.exec(table)!;
  expect(capped).toContain(`>${ours}<`);
  expect(capped).toContain(`>${theirs}<`);
  for (const svg of texts.values()) expect(svg).not.toMatch(/NaN|undefined/);
});
