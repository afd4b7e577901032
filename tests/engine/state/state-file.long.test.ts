import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type LoadOptions, loadModel } from '../../../dist/src/index.js';
import { haveTiny2026, withoutTiny2026, writeTiny } from '../../support/tiny-2026.js';

/** Attention with windows, gated delta nets beside attention, with an index of blocks too, latent attention. */
const MODELS = ['gemma4-e', 'qwen35', 'qwen4exp-sparse', 'deepseek2-glm', 'deepseek4'];

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'flashrow-state-'));
  mkdirSync(join(folder, 'cache'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const ids = (count: number, first: number) => Array.from({ length: count }, (_, i) => 3 + (((first + i) * 37) % 290));
const GREEDY = { temperature: 0, ignoreEos: true } as const;

describe.skipIf(!haveTiny2026).each(MODELS)(`a saved state: %s${withoutTiny2026}`, (name) => {
  let path: string;
  let other: string;
  beforeAll(() => {
    const at = (seed: number) => {
      const place = join(folder, `${name}-${seed}`);
      mkdirSync(place);
      return writeTiny(place, { model: name, type: 'q8_0', seed, shape: 'a' });
    };
    path = at(4);
    other = at(5);
  });
  const using = async <T>(
    source: string,
    options: LoadOptions,
    work: (model: Awaited<ReturnType<typeof loadModel>>) => Promise<T>,
  ) => {
    const cacheDir = join(folder, 'cache');
    const model = await loadModel(source, { cacheDir, contextSize: 900, memory: '1GB', ...options });
    return work(model).finally(() => model.dispose());
  };

  it('goes on in another load, from another place of the file, as if it had never ended', async () => {
    const file = join(folder, `${name}.state`);
    const prompt = ids(620, 1);
    const { next, expected, saved } = await using(path, {}, async (model) => {
      const { tokens } = await model.generate(prompt, { ...GREEDY, maxTokens: 40 }).result;
      const next = [...prompt, ...tokens, ...ids(20, 400)];
      const saved = await model.saveState(file);
      const { tokens: expected } = await model.generate(next, { ...GREEDY, maxTokens: 12 }).result;
      return { next, expected, saved };
    });
    expect(saved).toEqual({ tokens: 659, bytes: statSync(file).size });
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const moved = join(folder, `${name}-moved.gguf`);
    copyFileSync(path, moved);
    for (const [source, options] of [
      [path, { threads: 1, sequences: 2 }],
      [moved, {}],
    ] as const)
      await using(source, options, async (model) => {
        expect(await model.loadState(file)).toEqual(saved);
        const again = await model.generate(next, { ...GREEDY, maxTokens: 12 }).result;
        expect(again.usage.cached).toBe(659);
        expect(again.tokens).toEqual(expected);
        expect(again.receipt.stateBytes).toBeLessThanOrEqual(model.plan.stateBytes);
      });
  });

  it('is refused where it is damaged, of another model, kept otherwise or too long, and then changes nothing', async () => {
    const file = join(folder, `${name}-small.state`);
    const prompt = ids(70, 5);
    await using(path, {}, async (model) => {
      await model.generate(prompt, { ...GREEDY, maxTokens: 3 }).result;
      await model.saveState(file);
      const bytes = readFileSync(file);
      const damaged = join(folder, `${name}-damaged.state`);
      const cases: [string, Buffer][] = [
        ['empty', Buffer.alloc(0)],
        ['something else', Buffer.alloc(5000, 7)],
        ['cut', bytes.subarray(0, bytes.length - 9)],
        ['longer', Buffer.concat([bytes, Buffer.alloc(64)])],
        ...[3, 17, 30, 200, Math.floor(bytes.length / 2), bytes.length - 1].map((at): [string, Buffer] => {
          const changed = Buffer.from(bytes);
          changed[at] ^= 1;
          return [`a bit of byte ${at}`, changed];
        }),
      ];
      for (const [what, content] of cases) {
        writeFileSync(damaged, content);
        const error = await model.loadState(damaged).catch((thrown) => thrown);
        // A changed digit of the model's digest makes it another model's.
        expect(['CORRUPT', 'BAD_USAGE'], what).toContain(error.code);
      }
      await expect(model.loadState(join(folder, 'nowhere'))).rejects.toMatchObject({ code: 'NOT_FOUND' });
      await expect(model.saveState(join(folder, 'nowhere', 'state'))).rejects.toMatchObject({ code: 'IO' });
      expect(readdirSync(folder).filter((entry) => entry.includes('partial'))).toEqual([]);
      const { usage } = await model.generate([...prompt, 5], { ...GREEDY, maxTokens: 1 }).result;
      expect(usage.cached).toBe(70);
    });
    await using(other, {}, (model) =>
      expect(model.loadState(file)).rejects.toMatchObject({ code: 'BAD_USAGE', message: /another model/ }),
    );
    await using(path, { tuning: { state: 'f32' } }, (model) =>
      expect(model.loadState(file)).rejects.toMatchObject({ code: 'BAD_USAGE', details: { option: 'tuning.state' } }),
    );
    await using(path, { contextSize: 64 }, (model) =>
      expect(model.loadState(file)).rejects.toMatchObject({ code: 'CONTEXT_OVERFLOW' }),
    );
  });
});
