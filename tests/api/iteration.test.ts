import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Generation, loadModel, type Model, type Piece } from '../../dist/src/index.js';
import { PROMPT, TALES } from '../support/shipped.js';

let model: Model;
beforeAll(async () => {
  model = await loadModel(TALES, { contextSize: 128 });
});
afterAll(() => model.dispose());

async function piecesOf(generation: Generation): Promise<Piece[]> {
  const pieces: Piece[] = [];
  for await (const piece of generation) pieces.push(piece);
  return pieces;
}

/** What an async generator, the language's own, does with the same calls. */
async function* native(pieces: readonly Piece[]) {
  yield* pieces;
}

describe('a generation', () => {
  it('answers several next() at once in their order, as an async generator does', async () => {
    const iterator = model.generate(PROMPT, { maxTokens: 4, ignoreEos: true })[Symbol.asyncIterator]();
    const steps = await Promise.all(Array.from({ length: 7 }, () => iterator.next()));
    const likewise = native(steps.slice(0, 4).map(({ value }) => value));
    expect(steps).toEqual(await Promise.all(Array.from({ length: 7 }, () => likewise.next())));
    expect(steps.slice(0, 4).map(({ done }) => done)).toEqual([false, false, false, false]);
  });

  it('gives every loop all pieces: at once, later, and after the result', async () => {
    const generation = model.generate(PROMPT, { maxTokens: 20 });
    const [first, second] = await Promise.all([piecesOf(generation), piecesOf(generation)]);
    const { text, tokens } = await generation.result;
    expect(first.map((piece) => piece.token)).toEqual(tokens);
    expect(second).toEqual(first);
    expect(await piecesOf(generation)).toEqual(first);
    expect(first.every(({ type }) => type === 'text')).toBe(true);
    expect(await generation.text()).toBe(text);
  });

  it('gives a loop after one that was left the pieces that came', async () => {
    const generation = model.generate(PROMPT, { maxTokens: 60, ignoreEos: true });
    for await (const _ of generation) break;
    const { tokens, endedBy } = await generation.result;
    expect(endedBy).toBe('loop');
    expect((await piecesOf(generation)).map((piece) => piece.token)).toEqual(tokens);
  });

  it('settles every next() that waits when it is aborted: the first throws, the others are done', async () => {
    const controller = new AbortController();
    const running = model.generate(PROMPT, { maxTokens: 40, ignoreEos: true });
    const waits = model.generate(PROMPT, { signal: controller.signal })[Symbol.asyncIterator]();
    const steps = [waits.next(), waits.next(), waits.next()];
    controller.abort(new Error('enough'));
    const settled = await Promise.allSettled(steps);
    expect(settled.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'fulfilled']);
    expect(await waits.next()).toEqual({ done: true, value: undefined });
    await running.result;
  });

  it('is no promise: awaited, it is itself, and its text is a function', async () => {
    const generation = model.generate(PROMPT, { maxTokens: 1 });
    expect(await generation).toBe(generation);
    expect(typeof generation.text).toBe('function');
    await generation.result;
  });
});

describe('the result', () => {
  const end = (options: Parameters<Model['generate']>[1], prompt: string | number[] = PROMPT) =>
    model.generate(prompt, options).result;

  it('says what ended it', async () => {
    const { text } = await end({ maxTokens: 40 });
    const stop = text.slice(10, 16);
    expect(await end({ maxTokens: 5 })).toMatchObject({ endedBy: 'maxTokens', stopText: null });
    expect(await end({ stop: ['no such text', stop] })).toMatchObject({ endedBy: 'stop', stopText: stop });
    expect(await end({ ignoreEos: true })).toMatchObject({ endedBy: 'contextSize', finishReason: 'length' });
  });

  it('goes on to the end of the context by default, far beyond 256 tokens', async () => {
    const wide = await loadModel(TALES, { contextSize: 300 });
    try {
      const { usage, endedBy } = await wide.generate(PROMPT, { ignoreEos: true }).result;
      expect([usage.prompt + usage.completion, endedBy]).toEqual([301, 'contextSize']);
    } finally {
      await wide.dispose();
    }
  });

  it('ends with the token that the model ends a story with', async () => {
    const wide = await loadModel(TALES, { contextSize: 512 });
    try {
      const ended = await wide.generate(PROMPT).result;
      expect(ended).toMatchObject({ finishReason: 'stop', endedBy: 'endToken', stopText: null });
      // Without that token the story goes on from the same place.
      const on = await wide.generate(PROMPT, { ignoreEos: true, maxTokens: ended.tokens.length + 1 }).result;
      expect(on.tokens.slice(0, -1)).toEqual(ended.tokens);
    } finally {
      await wide.dispose();
    }
  });

  it('has the seed that was drawn, with which the answer can be repeated', async () => {
    const drawn = await end({ maxTokens: 20, temperature: 1.2 });
    expect((await end({ maxTokens: 20, temperature: 1.2, seed: drawn.seed })).tokens).toEqual(drawn.tokens);
    expect((await end({ maxTokens: 1, temperature: 1, seed: 7 })).seed).toBe(7);
  });

  it('warns of options that changed nothing, and of no others', async () => {
    const warned = async (options: Parameters<Model['generate']>[1], prompt?: number[]) =>
      (await end({ maxTokens: 1, ...options }, prompt)).warnings.map((warning) => /`(\w+)`/.exec(warning)![1]);
    expect(await warned({ topK: 5, topP: 0.5, minP: 0.1, seed: 1 })).toEqual(['topK', 'topP', 'minP', 'seed']);
    expect(await warned({ topK: 0, topP: 1, minP: 0, repeatPenalty: 1.2, stop: 'x' })).toEqual([]);
    expect(await warned({ temperature: 1, topK: 5, topP: 0.5, minP: 0.1, seed: 1 })).toEqual([]);
    expect(await warned({ parseSpecial: true }, [1, 2])).toEqual(['parseSpecial']);
    // Options of something that is off.
    const hot = { temperature: 1 };
    expect(await warned({ ...hot, xtcThreshold: 0.2, dryBase: 2, dryWindow: 9, penaltyWindow: 9 })).toEqual([
      ...['xtcThreshold', 'dryBase', 'dryWindow', 'penaltyWindow'],
    ]);
    expect(await warned({ dryAllowedLength: 3, penaltyWindow: 9 })).toEqual(['dryAllowedLength', 'penaltyWindow']);
    const on = { xtcProbability: 1, dryMultiplier: 1, presencePenalty: 1 };
    expect(await warned({ ...hot, ...on, xtcThreshold: 0.2, dryBase: 2, penaltyWindow: 9 })).toEqual([]);
    expect(await warned({ ...hot, xtcProbability: 1, xtcThreshold: 0.6 })).toEqual(['xtcProbability']);
  });

  it('is told of the prompt after each layer of each chunk, from the first to all of it', async () => {
    const prompt = Array.from({ length: 100 }, (_, i) => 300 + i);
    const seen: number[] = [];
    const order: string[] = [];
    await model.generate(prompt, {
      maxTokens: 1,
      onStart: () => order.push('start'),
      onProgress: ({ stage, unit, done, total }) => {
        order.push(`${stage} ${unit} of ${total}`);
        seen.push(done);
      },
    }).result;
    const { layers } = model.info;
    expect(seen).toHaveLength(4 * layers);
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
    expect([seen[0], seen.at(-1)]).toEqual([32 / layers, 100]);
    expect([...new Set(order)]).toEqual(['start', 'prefill tokens of 100']);
  });
});
