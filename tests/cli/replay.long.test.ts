import { existsSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { storeOutline } from '../../dist/src/plan/outline.js';
import { planOutline } from '../../dist/src/plan/plan-outline.js';
import { openStore } from '../../dist/src/store/reader.js';
import { bundlePool } from '../../dist/src/trace/policies/engine-pools.js';
import { replay } from '../../dist/src/trace/replay.js';
import { readTrace } from '../../dist/src/trace/trace-reader.js';
import type { GenerationResult } from '../../src/contract/generation.js';
import type { Replay } from '../../src/trace/replay.js';
import { flashrow, flashrowJson, start } from '../support/flashrow.js';
import { haveSharedData, sharedPath, withoutSharedData } from '../support/shared-data.js';

/** The ReLU model that ships. */
const TALES = fileURLToPath(new URL('../../weights/tales', import.meta.url));
const WRITE = ['--prompt', 'Once upon a time, there was a little dog', '--ignore-eos', '--max-tokens', '24'];
const CONTEXT = 128;
const GATE = ['--context', String(CONTEXT), '--select', 'gate'];

type ReplayJson = Replay & { model: string; selector: string; layers: number; memoryBytes: number };

let scratch: string;
beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), 'flashrow-replay-'));
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** Runs the model with a trace; the result, and where the trace is. */
async function record(name: string, options: string[]): Promise<{ path: string; result: GenerationResult }> {
  const path = join(scratch, name);
  const { exitCode, json } = await flashrowJson<GenerationResult>([
    'run',
    TALES,
    ...WRITE,
    '--trace',
    path,
    ...options,
  ]);
  expect(exitCode, JSON.stringify(json)).toBe(0);
  return { path, result: json };
}

describe('run --trace', () => {
  for (const [memory, cache, policy] of [
    ['7.5MB', 'lru', 'lru'],
    ['8MB', 'window:2', 'window'],
  ] as const) {
    test(`records exactly what ${cache} in ${memory} hit and missed`, async () => {
      const options = ['--memory', memory, '--cache', cache, ...GATE];
      const { path, result } = await record(`${memory}-${policy}.trace`, options);
      const { allocation } = planOutline(storeOutline(openStore(TALES)), {
        memory,
        contextSize: CONTEXT,
        tuning: { selector: 'gate', cache },
      });
      const { passes, layers } = readTrace(path);
      const pools = layers.map(({ units }, layer) =>
        bundlePool({ units, slots: allocation.layers[layer].slots, policy, window: 2 }),
      );
      let [missed, asked] = [0, 0];
      for (const { units } of passes) {
        for (const [layer, unitsOfLayer] of units.entries()) {
          missed += pools[layer].use(unitsOfLayer);
          asked += unitsOfLayer.length;
        }
        for (const pool of pools) pool.endToken();
      }
      expect({ hit: asked - missed, missed }).toEqual({
        hit: result.receipt.bundlesHit,
        missed: result.receipt.bundlesMissed,
      });
      expect(missed * layers[0].unitBytes).toBe(
        result.receipt.payloadBytesRead.prefill + result.receipt.payloadBytesRead.decode,
      );
    });
  }

  // Eight and 13 slots of the ring.
  for (const memory of ['7MB', '10MB']) {
    test(`of a run that asks for every unit in ${memory} tells replay's \`pin\` what the engine read`, async () => {
      const every = ['--memory', memory, '--context', String(CONTEXT), '--select', 'all', '--cache', 'pin'];
      const { path, result } = await record(`${memory}-pin.trace`, every);
      const { allocation } = planOutline(storeOutline(openStore(TALES)), {
        memory,
        contextSize: CONTEXT,
        tuning: { selector: 'all', cache: 'pin' },
      });
      const ring = allocation.ring!;
      const cacheBytes = allocation.layers.reduce(
        (sum, { slots, unit }) => sum + slots * unit.slotBytes,
        ring.slots * ring.slotBytes,
      );
      const { policies, tokens } = replay(readTrace(path), { memoryBytes: cacheBytes });
      const pin = policies.find(({ policy }) => policy === 'pin')!;
      const units = allocation.layers.reduce((sum, { unit }) => sum + unit.units, 0);
      const { bundlesPerUnit } = allocation.layers[0].unit;
      // Only whole units stay: the short one at the end of each layer never does.
      expect(Math.round(pin.hitRate * units * tokens) * bundlesPerUnit).toBe(result.receipt.bundlesHit);
      const { prefill, decode } = result.receipt.payloadBytesRead;
      // The first pass reads everything once, the prompt's as any other.
      const everything = allocation.layers.reduce((sum, { unit }) => sum + unit.bundles * unit.bundleBytes, 0);
      const hitBytes = result.receipt.bundlesHit * allocation.layers[0].unit.bundleBytes;
      expect(prefill + decode).toBe((tokens + 1) * everything - hitBytes);
    });
  }

  test('tells prompt from generated tokens, and changes nothing about the text', async () => {
    const { path, result } = await record('plain.trace', GATE);
    const without = await flashrowJson<GenerationResult>(['run', TALES, ...WRITE, ...GATE]);
    expect(result.tokens).toEqual(without.json.tokens);
    const { passes, selector } = readTrace(path);
    expect(selector).toBe('gate');
    expect(passes.filter(({ phase }) => phase === 0).reduce((sum, { tokens }) => sum + tokens, 0)).toBe(
      result.usage.prompt,
    );
    // The last token generated is run by nobody.
    expect(passes.filter(({ phase }) => phase === 1).length).toBe(23);
  });

  test('does not write over a file', async () => {
    const path = join(scratch, 'there');
    writeFileSync(path, 'precious');
    const { exitCode, json } = await flashrowJson(['run', TALES, ...WRITE, '--trace', path]);
    expect([exitCode, json.error.code, readFileSync(path, 'utf8')]).toEqual([1, 'NOT_WRITABLE', 'precious']);
  });

  test('leaves no file behind where nothing ran', async () => {
    const path = join(scratch, 'none.trace');
    const { json } = await flashrowJson(['run', TALES, ...WRITE, '--context', '4', '--trace', path]);
    expect([json.error.code, existsSync(path)]).toEqual(['CONTEXT_OVERFLOW', false]);
  });

  for (const signal of ['SIGINT', 'SIGKILL'] as const) {
    test(`leaves the whole tokens after ${signal}`, async () => {
      const path = join(scratch, `${signal}.trace`);
      const endless = ['--max-tokens', '100000', '--context', '512'];
      const { child, outcome } = start(['run', TALES, ...WRITE, ...endless, '--trace', path]);
      child.stdout?.once('data', () => child.kill(signal));
      expect((await outcome).exitCode).toBe(signal === 'SIGINT' ? 130 : null);
      const { passes, tornBytes } = readTrace(path);
      expect(passes[0].phase).toBe(0);
      if (signal === 'SIGINT') expect(tornBytes).toBe(0);
    });
  }
});

describe('replay', () => {
  let path: string;
  beforeAll(async () => {
    ({ path } = await record('replayed.trace', GATE));
  });

  test('gives hits, bytes and reads per token for each policy, the optimum ahead of all', async () => {
    const { exitCode, json } = await flashrowJson<ReplayJson>(['replay', path, '--memory', '1MB']);
    expect(exitCode).toBe(0);
    expect(json).toMatchObject({ model: 'tales', selector: 'gate', layers: 8, tokens: 23, independent: false });
    expect(json.slots).toBe(Math.floor(1e6 / json.slotBytes));
    expect(json.policies.map(({ policy }) => policy)).toEqual([
      'lru',
      'layer-lru',
      'lfu',
      'layer-lfu',
      'layer-lfu-aged',
      'pool',
      'window:4',
      'hot+lru',
      'pin',
      'layer-belady',
      'belady',
    ]);
    const optimum = json.policies[json.policies.length - 1];
    for (const policy of json.policies) {
      expect(policy.hitRate).toBeGreaterThan(0);
      expect(policy.hitRate, policy.policy).toBeLessThanOrEqual(optimum.hitRate);
      expect(policy.recordsPerToken).toBeGreaterThanOrEqual(optimum.recordsPerToken);
      expect(policy.bytesPerToken).toBeGreaterThanOrEqual(optimum.bytesPerToken);
    }
  });

  test('of a small trace costs no memory for a large budget', async () => {
    // A slot for each of 2e12 bytes would be more than this heap, and more than most machines.
    const { exitCode, json } = await flashrowJson<ReplayJson>(['replay', path, '--memory', '2TB']);
    const all = await flashrowJson<ReplayJson>(['replay', path, '--memory', '1GB']);
    expect(exitCode).toBe(0);
    expect(json.policies).toEqual(all.json.policies);
  });

  test('without --json prints a table', async () => {
    const { exitCode, stdout, stderr } = await flashrow(['replay', path, '--memory', '1MB']);
    expect([exitCode, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(
      /^tales, selector gate: 23 generated tokens, .*\n\npolicy +as --cache +hits +read per token/,
    );
    expect(stdout).toMatch(/^layer-lru +lru +\d+\.\d% +\d+(\.\d+)? kB +\d+\.\d$/m);
  });

  test('without the prompt hits less at first: --cold', async () => {
    const warm = await flashrowJson<ReplayJson>(['replay', path, '--memory', '4MB']);
    const cold = await flashrowJson<ReplayJson>(['replay', path, '--memory', '4MB', '--cold']);
    expect(cold.json.policies[0].hitRate).toBeLessThan(warm.json.policies[0].hitRate);
  });

  test('says on stderr that a trace was cut off, and replays the rest', async () => {
    const torn = join(scratch, 'torn.trace');
    const bytes = readFileSync(path);
    writeFileSync(torn, bytes);
    truncateSync(torn, bytes.length - 5);
    const { exitCode, json, stderr } = await flashrowJson<ReplayJson>(['replay', torn, '--memory', '1MB']);
    expect([exitCode, json.tokens]).toEqual([0, 22]);
    expect(stderr).toContain('was cut off');
  });

  test('in less than a bundle a layer is INSUFFICIENT_MEMORY and names what works', async () => {
    const small = await flashrowJson(['replay', path, '--memory', '0']);
    expect([small.exitCode, small.json.error.code]).toEqual([1, 'INSUFFICIENT_MEMORY']);
    const { minimumBytes } = small.json.error.details;
    const enough = await flashrowJson<ReplayJson>(['replay', path, '--memory', String(minimumBytes)]);
    expect([enough.exitCode, enough.json.slotsPerLayer]).toEqual([0, 1]);
  });

  test('of anything but a trace is CORRUPT, of nothing NOT_FOUND', async () => {
    const store = await flashrowJson(['replay', join(TALES, 'rows.bin'), '--memory', '1MB']);
    expect([store.exitCode, store.json.error.code]).toEqual([1, 'CORRUPT']);
    const nothing = await flashrowJson(['replay', join(scratch, 'absent'), '--memory', '1MB']);
    expect([nothing.exitCode, nothing.json.error.code]).toEqual([1, 'NOT_FOUND']);
  });

  const routes = sharedPath('traces/gpt-oss-120b.route.csv');
  test.skipIf(!haveSharedData)(`takes recorded expert routes${withoutSharedData}`, async () => {
    const { json } = await flashrowJson<ReplayJson>(['replay', routes, '--memory', '3GB', '--one-by-one']);
    expect(json).toMatchObject({ model: 'gpt-oss-120b-Q4_K_M.gguf', selector: 'router', layers: 36, tokens: 64 });
    expect(json.policies[0].hitRate).toBeCloseTo(0.43, 2);
  });
});
