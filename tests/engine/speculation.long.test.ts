import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { planModel } from '../../dist/src/index.js';
import type { PlanOptions } from '../../dist/src/plan/model-options.js';
import { DraftingHost } from '../support/drafting-host.js';
import { haveTiny2026, withoutTiny2026, writeTiny } from '../support/tiny-2026.js';

/** Every kind of mixer, of router and of layers: what a pass over several tokens does must be what single passes do. */
const MODELS: readonly [name: string, type: string][] = [
  ['llama', 'q4_0'],
  ['mixtral', 'q8_0'],
  ['lfm2', 'q8_0'],
  ['lfm2moe', 'q4_0'],
  ['qwen35', 'q8_0'],
  ['qwen35moe', 'q8_0'],
  ['qwen3next', 'q8_0'],
  ['granitehybrid', 'q8_0'],
  ['deepseek4', 'q8_0'],
  ['granitehybrid-moe', 'f32'],
  ['nemotron_h_moe', 'q8_0'],
  ['deepseek2', 'q8_0'],
  ['deepseek2-lite', 'q4_0'],
  ['gemma4-moe', 'q8_0'],
  ['gemma4-e', 'f32'],
  ['glm4moe', 'q8_0'],
  ['minimax-m2', 'q8_0'],
  ['smollm3', 'q4_0'],
];
const SCRIPTS = [
  { accuracy: 1, seed: 1, most: 7 },
  { accuracy: 0.7, seed: 2, most: 7 },
  { accuracy: 0.3, seed: 3, most: 4 },
  { accuracy: 0.4, seed: 4, most: 4, others: 3 },
  { accuracy: 0.8, seed: 5, most: 7, others: 2 },
  { accuracy: 0.1, seed: 6, most: 2, others: 1 },
];
/** Those whose state is of keys and values alone: a pass may have tokens that stand beside others. */
const TAKING_OTHERS = new Set([
  'llama',
  'mixtral',
  'deepseek2',
  'deepseek2-lite',
  'gemma4-moe',
  'gemma4-e',
  'glm4moe',
  'minimax-m2',
  'smollm3',
]);

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'flashrow-drafts-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const ids = (count: number, first: number) => Array.from({ length: count }, (_, i) => 3 + (((first + i) * 37) % 317));

describe.skipIf(!haveTiny2026).each(MODELS)(`drafts with %s in %s${withoutTiny2026}`, (name, type) => {
  it('give the text without, at several budgets, and leave its state', async () => {
    const path = writeTiny(folder, { model: name, type, seed: 4, shape: 'a' });
    const base = { cacheDir: join(folder, 'cache'), contextSize: 640 };
    const { minimumBytes } = await planModel(path, base);
    const budgets: PlanOptions[] = [
      { memory: '1GB' },
      { memory: minimumBytes, threads: 1 },
      { memory: Math.round(minimumBytes * 1.2), threads: 3 },
    ];
    let expected: readonly number[][] | null = null;
    for (const options of budgets) {
      const host = await DraftingHost.open(path, { ...base, ...options });
      try {
        // The first answer goes beyond a sliding window, and the second takes the first one up.
        const prompt = ids(90, 1);
        const turn = { maxTokens: 48, temperature: 0.9, seed: 5 };
        const plain = await host.write(prompt, turn, null);
        const further = [...prompt, ...plain.tokens.slice(0, -1), ...ids(9, 700)];
        const next = await host.write(further, turn, null);
        const accepted: number[] = [];
        for (const script of SCRIPTS) {
          await host.write(ids(4, 11), { maxTokens: 1 }, null);
          const drafted = await host.write(prompt, turn, { ...script, right: plain.tokens });
          expect(drafted.tokens).toEqual(plain.tokens);
          expect(drafted.receipt.speculation.drafted).toBeGreaterThan(10);
          accepted.push(drafted.receipt.speculation.accepted);
          const again = await host.write(further, turn, { ...script, right: next.tokens });
          expect([again.usage.cached, again.tokens]).toEqual([next.usage.cached, next.tokens]);
        }
        // With as many right ones in a row, those beside them add to what is accepted.
        const [, , few, beside] = accepted;
        if (TAKING_OTHERS.has(name)) expect(beside).toBeGreaterThan(few);
        expect([plain.tokens, next.tokens]).toEqual(expected ?? [plain.tokens, next.tokens]);
        expected ??= [plain.tokens, next.tokens];
      } finally {
        await host.dispose();
      }
    }
  });
});
