import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';

const main = fileURLToPath(new URL('../../dist/bench/replay/main.js', import.meta.url));

it('bench:replay gives every policy’s hits for every trace and budget', () => {
  const folder = mkdtempSync(join(tmpdir(), 'flashrow-bench-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const trace = join(folder, 'cycle.csv');
  const comments = ['# model=cycle n_layer=1 n_expert=4', '# layer=0 expert_bytes=1000'];
  const rows = [0, 1, 2, 0, 1, 2].map((expert, step) => `0,1,${step},0,${expert}`);
  writeFileSync(trace, [...comments, 'turn,phase,step,layer,expert', ...rows].join('\n'));
  const args = [main, trace, '--memory', '2000', '4kB', '--json', '-'];
  const { traces } = JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8', stdio: 'pipe' }));
  const hits = traces[0].budgets.map((budget: { policies: { policy: string; hitRate: number }[] }) =>
    Object.fromEntries(budget.policies.map(({ policy, hitRate }) => [policy, hitRate])),
  );
  // Three units in turn through two slots: recency never hits, foresight keeps one of them; four slots hit all but the
  // first round.
  expect(hits[0]).toMatchObject({ lru: 0, belady: 2 / 6 });
  expect(hits[1]).toMatchObject({ lru: 0.5, lfu: 0.5, belady: 0.5 });
});

it.each([
  [['no-such-file'], 1, 'no such trace'],
  [[], 2, 'TRACE'],
])('bench:replay %j says what is wrong', (args, code, why) => {
  const { status, stderr } = spawnSync(process.execPath, [main, ...args], { encoding: 'utf8' });
  expect([status, stderr]).toEqual([code, expect.stringContaining(why)]);
});
