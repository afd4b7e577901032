import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { loadModel, planModel } from '../../dist/src/index.js';
import { PROMPT, TALES, withTales } from '../support/shipped.js';

const read = async (memory: number) =>
  withTales({ memory }, (model) => model.generate(PROMPT, { maxTokens: 30 }).result);

describe('memory', () => {
  it('grows by no more than budget and overhead', async () => {
    const { minimumBytes } = await planModel(TALES);
    for (const memory of [minimumBytes, 2 * minimumBytes]) {
      const { receipt } = await read(memory);
      expect(receipt.memoryBytes).toBeLessThanOrEqual(memory);
      expect(receipt.rssGrowthBytes).toBeLessThanOrEqual(receipt.budgetBytes + receipt.overheadBytes);
    }
  });

  it('says what would be enough where the budget is not, and that is the least that works', async () => {
    const { minimumBytes } = await planModel(TALES);
    for (const memory of [0, minimumBytes - 1]) {
      await expect(loadModel(TALES, { memory })).rejects.toMatchObject({
        code: 'INSUFFICIENT_MEMORY',
        plan: { fits: false, minimumBytes },
      });
    }
    expect((await read(minimumBytes)).text.length).toBeGreaterThan(0);
  });

  // In a process of its own with one heap: the C library gives each thread a heap, and keeps what they grew to.
  it('comes back after dispose: the twentieth round ends within a seventh of the fifth', async () => {
    const program = `
      import { loadModel } from ${JSON.stringify(new URL('../../dist/src/index.js', import.meta.url).href)};
      import { anonymousBytes } from ${JSON.stringify(new URL('../../dist/src/plan/anonymous-bytes.js', import.meta.url).href)};
      const after = [];
      for (let round = 0; round < 20; round++) {
        const model = await loadModel(${JSON.stringify(TALES)}, { memory: 8_000_000 });
        await model.generate(${JSON.stringify(PROMPT)}, { maxTokens: 30 }).result;
        await model.dispose();
        gc();
        after.push(anonymousBytes());
      }
      console.log(JSON.stringify(after));`;
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--expose-gc', '--input-type=module', '--eval', program],
      { env: { ...process.env, MALLOC_ARENA_MAX: '1' } },
    );
    const after: number[] = JSON.parse(stdout);
    expect(after).toHaveLength(20);
    // A busy machine lets the heap grow a little later than a free one does: by 10.1% was seen.
    expect(after[19]).toBeLessThan((8 / 7) * after[4]);
  });

  it('lets two models live side by side, each with its own state', async () => {
    const alone = await read(8_000_000);
    const [a, b] = await Promise.all([loadModel(TALES, { memory: 8_000_000 }), loadModel(TALES, { memory: '12MB' })]);
    try {
      const results = await Promise.all([a, b].map((model) => model.generate(PROMPT, { maxTokens: 30 }).result));
      expect(results.map(({ text }) => text)).toEqual([alone.text, alone.text]);
    } finally {
      await Promise.all([a.dispose(), b.dispose()]);
    }
  });
});
