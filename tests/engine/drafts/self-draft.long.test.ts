import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openBridge } from '../../../dist/native-bridge/index.js';
import { prepareShadow } from '../../../dist/src/engine/drafts/self/prepare-shadow.js';
import { SelfDraft } from '../../../dist/src/engine/drafts/self/self-draft.js';
import { hasShadow, shadowLayout, shadowPath } from '../../../dist/src/engine/drafts/self/shadow-file.js';
import { Speculation } from '../../../dist/src/engine/drafts/speculation.js';
import { loadModel, type Plan, planModel } from '../../../dist/src/index.js';
import { shadowShape, whyNoShadow } from '../../../dist/src/plan/drafts/shadow.js';
import type { PlanOptions } from '../../../dist/src/plan/model-options.js';
import { openStore } from '../../../dist/src/store/reader.js';
import { prepare } from '../../../dist/src/worker/file-work.js';
import { DraftingHost, eagerGovernor } from '../../support/drafting-host.js';
import { random } from '../../support/random.js';
import { haveRandomGguf, withoutRandomGguf, writeRandom } from '../../support/random-gguf.js';
import { TALES } from '../../support/shipped.js';
import { haveTiny2026, withoutTiny2026, writeTiny } from '../../support/tiny-2026.js';

const SHAPE = {
  arch: 'llama',
  dim: 256,
  ffn: 1024,
  layers: 4,
  heads: 4,
  kvHeads: 2,
  vocab: 512,
  ctx: 512,
  quant: 'q8_0',
};
const PROMPT = Array.from({ length: 20 }, (_, i) => 260 + ((i * 17) % 200));
/** The draft does not go by a script. */
const ANY = { right: [], accuracy: 1, seed: 1, most: 7 };

const folder = mkdtempSync(join(tmpdir(), 'flashrow-self-draft-'));
const cacheDir = join(folder, 'cache');
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Memory that holds a share of the networks, and all else. */
const memoryFor = ({ residentBytes, stateBytes, scratchBytes, cacheBytes }: Plan, share: number): number =>
  Math.floor(residentBytes + stateBytes + scratchBytes + share * cacheBytes);

describe.skipIf(!haveRandomGguf)(`a dense model that drafts for itself${withoutRandomGguf}`, () => {
  const source = join(folder, 'dense.gguf');
  let whole: Plan;
  let store: string;
  beforeAll(async () => {
    writeRandom(source, SHAPE);
    const options = { cacheDir, contextSize: 256, memory: '1GB' };
    whole = await planModel(source, options);
    ({ store } = await prepare({ source, options }, new AbortController().signal, () => {}));
    await makeShadow(0.6);
  });

  const optionsFor = (share: number): PlanOptions => ({
    ...{ cacheDir, contextSize: 256, draft: 'self' },
    memory: memoryFor(whole, share),
  });
  const makeShadow = (share: number, onEvent = () => {}) =>
    prepareShadow({ store, options: optionsFor(share), anonymousBefore: 0 }, () => false, onEvent);

  it.each([
    [0.45, 7, 2],
    [0.6, 1, 1],
    [0.6, 7, 3],
    [0.65, 4, 2],
  ])(
    'writes the same text, with %f of its networks in memory, %i tokens foretold, %i threads',
    async (share, most, threads) => {
      const host = await DraftingHost.open(
        source,
        { ...optionsFor(share), threads },
        (_selector, _settings, spec, { shadow }) => {
          // The cache has its memory until a text promises something.
          expect(shadow!.isDrafts).toBe(false);
          return new Speculation({
            sources: [new SelfDraft(spec.vocabSize, shadow!)],
            governor: { ...eagerGovernor(most), takes: () => true },
            memory: shadow!,
            now: () => 0,
          });
        },
      );
      try {
        for (const settings of [{}, { temperature: 1.3, seed: 5, repeatPenalty: 1.2 }]) {
          const asked = { maxTokens: 40, ...settings };
          const plain = await host.write(PROMPT, asked, null);
          const drafted = await host.write(PROMPT, asked, ANY);
          expect(drafted.tokens).toEqual(plain.tokens);
          expect(drafted.receipt.speculation).toMatchObject({ draft: 'self' });
          expect(drafted.receipt.speculation.drafted).toBeGreaterThan(10);
          // The state is that of the text, and of nothing that was foretold.
          const further = [...PROMPT, ...plain.tokens, 300, 301];
          const next = await host.write(further, asked, ANY);
          await host.write([3], { maxTokens: 1 }, null);
          const again = await host.write(further, asked, null);
          expect(next.tokens).toEqual(again.tokens);
          expect(next.usage.cached).toBe(PROMPT.length + plain.tokens.length - 1);
        }
        const toTheEnd = await host.write(PROMPT, { maxTokens: 1000 }, ANY);
        const plain = await host.write(PROMPT, { maxTokens: 1000 }, null);
        expect([toTheEnd.tokens, toTheEnd.endedBy]).toEqual([plain.tokens, 'contextSize']);
      } finally {
        await host.dispose();
      }
    },
  );

  it('foretells by about the networks of the model, and by half of their neurons', () => {
    const opened = openStore(store);
    const bridge = openBridge({ threads: 2 });
    const { hiddenSize, intermediateSize: neurons, numLayers } = opened.spec;
    const next = random(7);
    const x = Float32Array.from({ length: hiddenSize }, () => 2 * next() - 1);
    try {
      // The weights are drawn anew each time: 24 layers had from 0.90 to 0.94, and from 0.62 to 0.76.
      for (const [share, least] of [
        [1, 0.8],
        [0.5, 0.45],
      ]) {
        const blocks = new Uint32Array(numLayers).fill((share * neurons) / 256);
        const { gated, activation } = opened.spec;
        const shadow = bridge.loadTwoBitNetworks({
          ...{ path: shadowPath(store), offset: shadowLayout(shadowShape(opened.spec)).headerBytes },
          ...{ hiddenSize, gated, activation, blocks, blocksPerLayer: neurons / 256 },
        });
        for (let layer = 0; layer < numLayers; layer++) {
          const y = new Float32Array(hiddenSize);
          shadow.run(layer, x, y);
          expect(alike(y, networkOutput(layer, x))).toBeGreaterThan(least);
        }
        shadow.dispose();
      }
    } finally {
      bridge.dispose();
    }

    /** down(silu(gate x) * up x) from the file's own q8_0 blocks, in doubles. */
    function networkOutput(layer: number, input: Float32Array): Float64Array {
      const { extents, parts, formats } = opened.layers[layer];
      const load = (part: 'gate' | 'up' | 'down', rows: number, columns: number) => {
        const { file, offset } = extents[parts[part]!.extent];
        const format = formats[part]!;
        const rowStride = (columns / 32) * 34;
        const matrix = bridge.loadMatrix({ path: opened.files[file], offset, rowStride, rows, columns, format });
        const row = new Float32Array(columns);
        return (by: ArrayLike<number>) =>
          Float64Array.from({ length: rows }, (_, i) => {
            matrix.row(i, row);
            return row.reduce((sum, weight, column) => sum + weight * by[column], 0);
          });
      };
      const gates = load('gate', neurons, hiddenSize)(input);
      const ups = load('up', neurons, hiddenSize)(input);
      const hidden = gates.map((gate, i) => (gate / (1 + Math.exp(-gate))) * ups[i]);
      return load('down', hiddenSize, neurons)(hidden);
    }
  });

  it('takes its memory from the budget, and is loaded by its name', async () => {
    const options = optionsFor(0.6) as Parameters<typeof loadModel>[1];
    const plan = await planModel(source, options);
    expect(plan.draftBytes).toBeGreaterThan(400_000);
    const parts = plan.residentBytes + plan.stateBytes + plan.scratchBytes + plan.cacheBytes + plan.draftBytes;
    expect(parts).toBeLessThanOrEqual(plan.budgetBytes);
    const model = await loadModel(source, options);
    try {
      expect(model.plan.draftBytes).toBe(plan.draftBytes);
      const drafted = await model.generate(PROMPT, { maxTokens: 60, ignoreEos: true }).result;
      const plain = await model.generate(PROMPT, { maxTokens: 60, ignoreEos: true, draft: 'off' }).result;
      expect(drafted.tokens).toEqual(plain.tokens);
      expect(drafted.receipt.speculation.draft).toBe('self');
      // The cache has the memory meanwhile.
      expect(plain.receipt.draftBytes).toBe(0);
      for (const after of [1, 3, 4]) {
        const call = model.generate(PROMPT, { maxTokens: 60, ignoreEos: true });
        let pieces = 0;
        for await (const _ of call) if (++pieces === after) break;
        const again = await model.generate(PROMPT, { maxTokens: 60, ignoreEos: true }).result;
        expect(again.tokens).toEqual(plain.tokens);
      }
    } finally {
      await model.dispose();
    }
  });

  it('makes again what was damaged, and leaves what is whole', async () => {
    const bridge = openBridge({ threads: 1 });
    const shape = shadowShape(openStore(store).spec);
    try {
      const made = readFileSync(shadowPath(store));
      expect(hasShadow(store, shape, bridge)).toBe(true);
      for (const at of [10, 5000, made.length - 5000]) {
        const damaged = Buffer.from(made);
        damaged[at] ^= 1;
        writeFileSync(shadowPath(store), damaged);
        expect(hasShadow(store, shape, bridge)).toBe(false);
      }
      await makeShadow(0.6);
      expect(readFileSync(shadowPath(store)).equals(made)).toBe(true);
    } finally {
      bridge.dispose();
    }
  });

  it('is made once where two want it at the same time', async () => {
    const made = readFileSync(shadowPath(store));
    rmSync(shadowPath(store));
    let layers = 0;
    const count = () => void layers++;
    await Promise.all([makeShadow(0.6, count), makeShadow(0.6, count)]);
    expect(layers).toBe(SHAPE.layers);
    expect(readFileSync(shadowPath(store)).equals(made)).toBe(true);
    expect(readdirSync(store).filter((name) => /lock|partial/.test(name))).toEqual([]);
  });

  it('is planned at the speed without where nothing is foretold: the cache has the memory then', async () => {
    const memory = memoryFor(whole, 0.6);
    const options = { cacheDir, contextSize: 256, memory, diskSpeed: 1e9, memorySpeed: 1e12 };
    const { forecast } = await planModel(source, { ...options, draft: 'self' });
    const without = await planModel(source, { ...options, draft: 'off' });
    expect(forecast.tokensPerSecond).toBeGreaterThan(0.95 * without.forecast.tokensPerSecond!);
  });

  it('leaves it to lookup where all of the model is in memory, and the plan says so', async () => {
    const plan = await planModel(source, { cacheDir, contextSize: 256, memory: '1GB', draft: 'self' });
    expect(plan.draftBytes).toBe(0);
    expect(plan.warnings.join()).toMatch(/`draft: 'self'` foretells by lookup alone: all of the model is in memory/);
    expect(plan.forecast.withDrafts).not.toBeNull();
    const model = await loadModel(source, { cacheDir, contextSize: 256, memory: '1GB', draft: 'self' });
    try {
      const { receipt } = await model.generate(PROMPT, { maxTokens: 5 }).result;
      expect(receipt.speculation.draft).not.toBe('self');
    } finally {
      await model.dispose();
    }
  });

  it('is refused where layers hold a window of the context alone', () => {
    const { spec, layers } = openStore(store);
    const slidingWindow = { size: 64, fullEvery: null, theta: null, layers: null, heads: null };
    const why = (contextSize: number) => whyNoShadow({ ...spec, slidingWindow }, layers, { sequences: 1, contextSize });
    expect(why(4096)).toMatch(/layers with a sliding window do not hold all/);
    expect(why(128)).toBeNull();
  });

  it('is refused beside other conversations', async () => {
    await expect(planModel(source, { cacheDir, contextSize: 256, sequences: 2, draft: 'self' })).rejects.toMatchObject({
      code: 'UNSUPPORTED',
      message: expect.stringMatching(/`sequences` is more than 1/),
    });
  });
});

describe.skipIf(!haveTiny2026)(`models that cannot draft for themselves${withoutTiny2026}`, () => {
  it.each([
    ['glm4moe', /it is a mixture of experts/],
    ['qwen35', /layers whose state cannot be taken back/],
  ])('%s is refused by name', async (model, message) => {
    const source = writeTiny(folder, { model, type: 'f32', seed: 1, shape: 'b' });
    for (const work of [planModel, loadModel])
      await expect(work(source, { cacheDir, draft: 'self' })).rejects.toMatchObject({
        code: 'UNSUPPORTED',
        message: expect.stringMatching(message),
      });
  });
});

it('a store that was written cannot draft for itself', async () => {
  await expect(loadModel(TALES, { draft: 'self' })).rejects.toMatchObject({
    code: 'UNSUPPORTED',
    message: expect.stringMatching(/not read in place from a GGUF file/),
  });
});

/** The cosine of the angle between two vectors. */
function alike(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let [ab, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    ab += a[i] * b[i];
    aa += a[i] ** 2;
    bb += b[i] ** 2;
  }
  return ab / Math.sqrt(aa * bb);
}
