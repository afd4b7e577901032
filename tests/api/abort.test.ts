import { describe, expect, it, vi } from 'vitest';
import { loadModel } from '../../dist/src/index.js';
import { PROMPT, TALES, withTales } from '../support/shipped.js';

/** Of a generation that was ended before its turn came. */
const NOTHING = {
  text: '',
  tokens: [],
  finishReason: 'abort',
  usage: { prompt: 0, cached: 0, completion: 0, reasoning: 0 },
};
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

  it("throws the signal's reason in the loop while decoding; the result has what there is", () =>
    withTales({}, async (model) => {
      const expected = await model.generate(PROMPT, { maxTokens: 20 }).result;
      const controller = new AbortController();
      const generation = model.generate(PROMPT, { ...LONG, signal: controller.signal });
      const reason = new Error('enough');
      const iterate = async () => {
        for await (const _ of generation) controller.abort(reason);
      };
      await expect(iterate()).rejects.toBe(reason);
      const result = await generation.result;
      expect(result).toMatchObject({ finishReason: 'abort', endedBy: 'signal', usage: { prompt: 5 } });
      expect(result.usage.completion).toBe(result.tokens.length);
      expect(result.tokens.length).toBeGreaterThan(0);
      expect(await model.detokenize(result.tokens)).toBe(result.text);
      expect(result.receipt.bundlesHit + result.receipt.bundlesMissed).toBeGreaterThan(0);
      await expect(generation.text()).rejects.toBe(reason);
      // The model goes on to serve others.
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
        onProgress: ({ done }) => {
          seen.push(done);
          controller.abort();
        },
      });
      const { finishReason, usage, text } = await generation.result;
      expect({ finishReason, usage, text }).toEqual({
        finishReason: 'abort',
        usage: { prompt: 400, cached: 0, completion: 0, reasoning: 0 },
        text: '',
      });
      await expect(generation[Symbol.asyncIterator]().next()).rejects.toMatchObject({ name: 'AbortError' });
      expect(seen[0]).toBeLessThan(prompt.length);
      expect((await model.generate(prompt, { maxTokens: 5 }).result).tokens).toEqual(expected.tokens);
    }));

  it('never starts what was aborted in the queue', () =>
    withTales({}, async (model) => {
      const first = model.generate(PROMPT, { maxTokens: 30 });
      const signal = AbortSignal.abort(new Error('changed my mind'));
      const started = vi.fn();
      const never = model.generate(PROMPT, { signal, onStart: started });
      const { text, tokens, finishReason, usage, receipt } = await never.result;
      expect({ text, tokens, finishReason, usage }).toEqual(NOTHING);
      expect([receipt.bundlesHit, receipt.bundlesMissed, receipt.readWaitMs]).toEqual([0, 0, 0]);
      expect(receipt.budgetBytes).toBe((await first.result).receipt.budgetBytes);
      await expect(never[Symbol.asyncIterator]().next()).rejects.toThrow('changed my mind');
      expect(started).not.toHaveBeenCalled();
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
      await expect(second.text()).rejects.toThrow('no time');
      expect(await second.result).toMatchObject({ ...NOTHING, endedBy: 'signal' });
      const third = model.generate(PROMPT);
      await third[Symbol.asyncIterator]().return?.();
      expect(await third.result).toMatchObject({ ...NOTHING, endedBy: 'loop' });
      expect(firstDone).toBe(false);
      for await (const _ of first) break;
      expect((await first.result).finishReason).toBe('abort');
    }));

  it('follows from a callback that throws, for its own call alone', () =>
    withTales({}, async (model) => {
      const prompt = Array.from({ length: 300 }, (_, i) => 300 + i);
      const onProgress = () => {
        throw new Error('not like this');
      };
      await expect(model.generate(prompt, { onProgress }).result).rejects.toThrow('not like this');
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
