import { describe, expect, it } from 'vitest';
import { type LoadOptions, loadModel } from '../../dist/src/index.js';
import { PROMPT, TALES, withTales } from '../support/shipped.js';

const PROMPTS = [PROMPT, 'The cat sat on', 'One day a little girl named', 'There was a big dog. He'];
const LONG = { maxTokens: 50, ignoreEos: true };

const inTurn = (options: LoadOptions) =>
  withTales(options, async (model) => {
    const texts: string[] = [];
    for (const prompt of PROMPTS) texts.push((await model.generate(prompt, LONG).result).text);
    return texts;
  });

describe('generations of a model with several sequences', () => {
  it.each([
    ['exact', {}],
    ['that reads all rows', { tuning: { selector: 'all' } }],
    ['that guesses by signs', { exact: false, tuning: { selector: 'sign' } }],
    [
      'that guesses by signs, with keys and values in 8 bits',
      { exact: false, tuning: { selector: 'sign', state: 'q8' } },
    ],
  ] as [string, LoadOptions][])('run at once, and each writes what it writes alone: one %s', async (_, options) => {
    const sizes = { contextSize: 128, ...options };
    const alone = await inTurn(sizes);
    await withTales({ ...sizes, sequences: 4 }, async (model) => {
      const begun: number[] = [];
      const generations = PROMPTS.map((prompt, i) => model.generate(prompt, { ...LONG, onStart: () => begun.push(i) }));
      expect([model.pending, generations.map(({ place }) => place)]).toEqual([0, [0, 0, 0, 0]]);
      const order: number[] = [];
      const texts = await Promise.all(
        generations.map(async (generation, i) => {
          for await (const _ of generation) order.push(i);
          return (await generation.result).text;
        }),
      );
      expect(texts).toEqual(alone);
      expect(begun.sort()).toEqual([0, 1, 2, 3]);
      // Side by side: the first to end is not there before the last has begun.
      expect(order.indexOf(3)).toBeLessThan(order.lastIndexOf(0));
    });
  });

  it('leave a fifth one waiting, and other calls until none runs', () =>
    withTales({ contextSize: 128, sequences: 4 }, async (model) => {
      const ended: string[] = [];
      const noted = <T>(name: string, call: Promise<T>) => call.then(() => ended.push(name));
      const running = PROMPTS.map((prompt, i) => noted(`generation ${i}`, model.generate(prompt, LONG).result));
      const score = noted('score', model.logprobs([1, 2, 3], 1));
      const after = noted('after', model.generate(PROMPT, { maxTokens: 1 }).result);
      expect(model.pending).toBe(2);
      await Promise.all([...running, score, after]);
      expect(ended.slice(4)).toEqual(['score', 'after']);
    }));

  it('are aborted one by one, or all with the model', async () => {
    const alone = await inTurn({ contextSize: 128 });
    const model = await loadModel(TALES, { contextSize: 128, sequences: 4 });
    const abort = async (stopped: number) => {
      const stop = new AbortController();
      const texts = PROMPTS.map(async (prompt, i) => {
        const generation = model.generate(prompt, { ...LONG, signal: i === stopped ? stop.signal : undefined });
        let pieces = 0;
        if (i === stopped)
          await expect(
            (async () => {
              for await (const _ of generation) if (++pieces === 3) stop.abort();
            })(),
          ).rejects.toMatchObject({ name: 'AbortError' });
        return generation.result;
      });
      for (const [i, { text, finishReason }] of (await Promise.all(texts)).entries()) {
        if (i === stopped) expect([finishReason, alone[i].startsWith(text)]).toEqual(['abort', true]);
        else expect(text).toBe(alone[i]);
      }
    };
    for (const stopped of [0, 3]) await abort(stopped);
    const endless = PROMPTS.map((prompt) => model.generate(prompt, { ignoreEos: true }).result);
    await model.dispose();
    for (const result of endless) await expect(result).rejects.toMatchObject({ code: 'ABORTED' });
  });

  it('are all answered by a dispose with drain', async () => {
    const model = await loadModel(TALES, { contextSize: 128, sequences: 2 });
    const taken = PROMPTS.map((prompt) => model.generate(prompt, LONG).result);
    await model.dispose({ drain: true });
    expect((await Promise.all(taken)).map(({ usage }) => usage.completion)).toEqual([50, 50, 50, 50]);
  });

  it('keep the conversation of a key each, also where two come at once', () =>
    withTales({ contextSize: 128, sequences: 2 }, async (model) => {
      const turn = (prompt: string, cacheKey: string) => model.generate(prompt, { maxTokens: 8, cacheKey }).result;
      const both = (prompts: string[]) => Promise.all([turn(prompts[0], 'a'), turn(prompts[1], 'b')]);
      const first = await both([PROMPTS[0], PROMPTS[1]]);
      const second = await both(first.map(({ text }, i) => PROMPTS[i] + text));
      expect(second.map(({ usage }) => usage.cached > 0)).toEqual([true, true]);
      const same = await Promise.all([turn(PROMPT, 'c'), turn(PROMPT, 'c')]);
      expect(same[0].text).toBe(same[1].text);
    }));
});
