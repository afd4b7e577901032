import { describe, expect, it } from 'vitest';
import { loadModel } from '../../dist/src/index.js';
import { PROMPT, TALES, withTales } from '../support/shipped.js';

const LONG = { maxTokens: 400, ignoreEos: true };

describe('abort', () => {
  it('ends a generation with what there is when its loop is left', () =>
    withTales({}, async (model) => {
      const generation = model.generate(PROMPT, LONG);
      for await (const _ of generation) break;
      const { finishReason, tokens } = await generation.result;
      expect(finishReason).toBe('abort');
      expect(tokens.length).toBeLessThan(400);
    }));

  it("rejects with the signal's reason while decoding, and the model goes on to serve others", () =>
    withTales({}, async (model) => {
      const expected = await model.generate(PROMPT, { maxTokens: 20 }).result;
      const controller = new AbortController();
      const generation = model.generate(PROMPT, { ...LONG, signal: controller.signal });
      const reason = new Error('enough');
      const iterate = async () => {
        for await (const _ of generation) controller.abort(reason);
      };
      await expect(iterate()).rejects.toBe(reason);
      await expect(generation.result).rejects.toBe(reason);
      expect((await model.generate(PROMPT, { maxTokens: 20 }).result).text).toBe(expected.text);
    }));

  it('ends a prompt half way, and a later prompt is none the worse', () =>
    withTales({}, async (model) => {
      const prompt = Array.from({ length: 400 }, (_, i) => 300 + i);
      const expected = await model.generate(prompt, { maxTokens: 5 }).result;
      await model.generate([1, 2, 3], { maxTokens: 1 }).result;
      const controller = new AbortController();
      const seen: number[] = [];
      const generation = model.generate(prompt, {
        signal: controller.signal,
        onPrefill: (done) => {
          seen.push(done);
          controller.abort();
        },
      });
      await expect(generation.result).rejects.toMatchObject({ name: 'AbortError' });
      expect(seen[0]).toBeLessThan(prompt.length);
      expect((await model.generate(prompt, { maxTokens: 5 }).result).tokens).toEqual(expected.tokens);
    }));

  it('never starts what was aborted in the queue', () =>
    withTales({}, async (model) => {
      const first = model.generate(PROMPT, { maxTokens: 30 });
      const signal = AbortSignal.abort(new Error('changed my mind'));
      await expect(model.generate(PROMPT, { signal }).result).rejects.toThrow('changed my mind');
      expect((await first.result).finishReason).not.toBe('abort');
    }));

  it('tells what waits in the queue at once', () =>
    withTales({}, async (model) => {
      let firstDone = false;
      const first = model.generate(PROMPT, LONG);
      first.result.finally(() => {
        firstDone = true;
      });
      const controller = new AbortController();
      const second = model.generate(PROMPT, { signal: controller.signal });
      controller.abort(new Error('no time'));
      await expect(second.result).rejects.toThrow('no time');
      expect(firstDone).toBe(false);
      for await (const _ of first) break;
      expect((await first.result).finishReason).toBe('abort');
    }));

  it('follows from a callback that throws, for its own call alone', () =>
    withTales({}, async (model) => {
      const prompt = Array.from({ length: 300 }, (_, i) => 300 + i);
      const onPrefill = () => {
        throw new Error('not like this');
      };
      await expect(model.generate(prompt, { onPrefill }).result).rejects.toThrow('not like this');
      expect((await model.generate(PROMPT, { maxTokens: 3 }).result).tokens).toHaveLength(3);
    }));

  it('ends a load', async () => {
    const controller = new AbortController();
    const loading = loadModel(TALES, { signal: controller.signal });
    controller.abort(new Error('not now'));
    await expect(loading).rejects.toThrow('not now');
  });

  it('by dispose ends what runs and what waits, and may be called twice', async () => {
    const model = await loadModel(TALES);
    const running = model.generate(PROMPT, LONG);
    const waiting = model.generate(PROMPT, LONG);
    const ends = [
      expect(running.result).rejects.toMatchObject({ code: 'ABORTED' }),
      expect(waiting.result).rejects.toMatchObject({ code: 'ABORTED' }),
    ];
    await Promise.all([model.dispose(), model.dispose()]);
    await Promise.all(ends);
    await expect(model.tokenize('late')).rejects.toMatchObject({ code: 'ABORTED' });
  });
});
