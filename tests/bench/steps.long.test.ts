import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseActivity } from '../../dist/bench/capped/trace.js';
import { OPT_6_7B } from '../../dist/bench/model/activity.js';
import type { MeasuredStep } from '../../dist/bench/steps/report.js';
import { readTrace } from '../../dist/src/trace/trace-reader.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'flashrow-bench-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const mainOf = (command: string) => fileURLToPath(new URL(`../../dist/bench/${command}/main.js`, import.meta.url));
const TOKENS = 12;
const quick = ['--cap', 'none', '--peer', 'none', '--rounds', '1', '--max-tokens', `${TOKENS}`];

/** Runs a bench command on tiny models and gives its JSON. */
function bench(command: string, ...args: string[]) {
  const all = [mainOf(command), ...quick, '--models', folder, '--json', '-', ...args];
  return JSON.parse(execFileSync(process.execPath, all, { encoding: 'utf8', stdio: 'pipe' }));
}

describe('bench:steps', () => {
  it('reads the whole network in the first step, what is active in the third, and less with a window', () => {
    const report = bench('steps', '--shape', 'tiny-relu');
    const steps = new Map<string, MeasuredStep>(report.steps.map((step: MeasuredStep) => [step.name, step]));
    expect([...steps.keys()]).toEqual(['naive', 'hybrid', 'predictor', 'windowing', 'bundling', 'lru']);
    const payload = (name: string) => steps.get(name)!.rounds[0].reading!.payloadBytes;
    // 4 layers of 768 neurons of 256 weights: gate and up in q4_1 (20 bytes a block), down in q8_0 (34).
    const network = 4 * 768 * 8 * (20 + 20 + 34);
    // The first step has the least budget, at which a part of the dense half streams as well.
    expect(payload('naive') / network).toBeGreaterThanOrEqual(1);
    expect(payload('naive') / network).toBeLessThan(1.4);
    const dense = payload('naive') - network;
    const rows = (name: string) => payload(name) - dense;
    const { layers, passes } = readTrace(join(folder, 'activity.trace'));
    const active = passes.flatMap(({ units }) => units).reduce((sum, units) => sum + units.length, 0);
    const share = active / passes.length / (4 * 768);
    expect(layers.map(({ units }) => units)).toEqual([768, 768, 768, 768]);
    // Tokens differ, and those that were timed are not all of the trace.
    expect(rows('predictor') / network / share).toBeGreaterThan(0.8);
    expect(rows('predictor') / network / share).toBeLessThan(1.2);
    expect(rows('windowing')).toBeLessThan(0.7 * rows('predictor'));
    expect(steps.get('windowing')!.rounds[0].run.answer!.receipt).toMatchObject({ selector: 'trace', exact: false });
    // The same neurons, whose three rows lie apart or together.
    const records = (name: string) => steps.get(name)!.rounds[0].reading!.records;
    expect(payload('bundling')).toBe(payload('windowing'));
    expect(records('windowing') / records('bundling')).toBeGreaterThan(1.8);
  });
});

describe('bench:capped --select trace', () => {
  it('replays routes to experts', () => {
    const { rounds } = bench('capped', '--shape', 'tiny-moe', '--select', 'trace', '--trace', routes());
    const { receipt } = rounds[0].flashrow.answer;
    expect(receipt).toMatchObject({ selector: 'trace', exact: false });
    // The prompt of 16 tokens asks for what the recorded tokens ask for: 2 experts; so does each token after it, in 4
    // layers.
    expect(receipt.bundlesHit + receipt.bundlesMissed).toBe((1 + TOKENS) * 4 * 2);
  });

  it.each([
    [['--shape', 'tiny', '--select', 'trace'], 'ReLU'],
    [['--shape', 'tiny-relu', '--select', 'trace', '--activity', 'share=2'], 'activity'],
    [['--shape', 'tiny-relu', '--select', 'trace', '--activity', 'speed=2'], 'speed=2'],
  ])('%j is bad usage', (args, why) => {
    const { status, stderr } = spawnSync(process.execPath, [mainOf('capped'), ...quick, '--models', folder, ...args], {
      encoding: 'utf8',
    });
    expect([status, stderr]).toEqual([2, expect.stringContaining(why)]);
  });

  it('takes from --activity what is said, and else the statistics of OPT-6.7B', () => {
    expect(parseActivity('share=0.05,union=0.12')).toEqual({ ...OPT_6_7B, activeShare: 0.05, windowUnion: 0.12 });
  });
});

/** Two recorded tokens that ask for the same two experts. */
function routes(): string {
  const path = join(folder, 'routes.csv');
  const layers = [0, 1, 2, 3];
  const rows = [0, 1].flatMap((step) => layers.flatMap((layer) => [3, 7].map((e) => `0,1,${step},${layer},${e}`)));
  const comments = [
    '# model=routes n_layer=4 n_expert=16',
    ...layers.map((layer) => `# layer=${layer} expert_bytes=1`),
  ];
  writeFileSync(path, [...comments, 'turn,phase,step,layer,expert', ...rows].join('\n'));
  return path;
}
