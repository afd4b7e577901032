import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadModel, type Model, type Piece } from '../../dist/src/index.js';
import { PROMPT, TALES } from '../support/shipped.js';

let model: Model;
beforeAll(async () => {
  model = await loadModel(TALES, { contextSize: 128 });
});
afterAll(() => model.dispose());

const write = (options: Parameters<Model['generate']>[1]) => model.generate(PROMPT, options).result;

const textOf = (piece: Piece) => ('text' in piece ? piece.text : '');

describe('generate', () => {
  it('streams pieces that add up to the text, one per token', async () => {
    const generation = model.generate(PROMPT, { maxTokens: 40 });
    const pieces: Piece[] = [];
    for await (const piece of generation) pieces.push(piece);
    const { text, tokens, usage } = await generation.result;
    expect(pieces.map(textOf).join('')).toBe(text);
    expect(pieces.map((piece) => piece.token)).toEqual(tokens);
    expect(usage.completion).toBe(tokens.length);
    expect(await model.detokenize(tokens)).toBe(text);
  });

  it('ends before a stop string that spans pieces, and never shows any of it', async () => {
    const { text } = await write({ maxTokens: 60 });
    const stop = text.slice(20, 33);
    const shown: string[] = [];
    const generation = model.generate(PROMPT, { maxTokens: 60, stop });
    for await (const piece of generation) shown.push(textOf(piece));
    const result = await generation.result;
    expect(result).toMatchObject({ finishReason: 'stop', text: text.slice(0, text.indexOf(stop)) });
    expect(shown.join('')).toBe(result.text);
  });

  it('ends with length at maxTokens, and at the context', async () => {
    expect(await write({ maxTokens: 5 })).toMatchObject({ finishReason: 'length', usage: { completion: 5 } });
    const full = await write({ maxTokens: 1000, ignoreEos: true });
    // The last token needs no place: nothing follows it.
    expect(full).toMatchObject({ finishReason: 'length' });
    expect(full.usage.prompt + full.usage.completion).toBe(129);
  });

  it('generates nothing when asked for nothing', async () => {
    expect(await write({ maxTokens: 0 })).toMatchObject({ text: '', tokens: [], finishReason: 'length' });
  });

  it('refuses a prompt beyond the context, an empty one, and ids it does not have', async () => {
    await expect(model.generate(new Array(129).fill(5)).result).rejects.toMatchObject({ code: 'CONTEXT_OVERFLOW' });
    await expect(model.generate([]).result).rejects.toMatchObject({ code: 'BAD_USAGE' });
    await expect(model.generate([4096]).result).rejects.toMatchObject({ code: 'BAD_USAGE' });
    await expect(model.generate([-1]).result).rejects.toMatchObject({ code: 'BAD_USAGE' });
    expect(() => model.generate(PROMPT, { temperature: -1 })).toThrowError(
      expect.objectContaining({ code: 'BAD_USAGE' }),
    );
  });

  it('reuses the longest common prefix, and writes the same', async () => {
    const ids = await model.tokenize(PROMPT);
    const first = await model.generate([...ids, 45], { maxTokens: 20 }).result;
    const again = await model.generate([...ids, 45], { maxTokens: 20 }).result;
    expect(again.usage.cached).toBe(ids.length);
    expect(again.tokens).toEqual(first.tokens);
    const other = await model.generate([...ids, 47], { maxTokens: 5 }).result;
    expect(other.usage.cached).toBe(ids.length);
  });

  it('draws the same with the same seed', async () => {
    const options = { maxTokens: 20, temperature: 0.9, topP: 0.95, seed: 11 };
    const first = await write(options);
    expect((await write(options)).tokens).toEqual(first.tokens);
    expect((await write({ ...options, seed: 12 })).tokens).not.toEqual(first.tokens);
  });

  it('queues calls, and answers each with its own', async () => {
    const alone = await write({ maxTokens: 10 });
    const [a, ids, b] = await Promise.all([
      write({ maxTokens: 10 }),
      model.tokenize('a cat'),
      write({ maxTokens: 10 }),
    ]);
    expect([a.text, b.text]).toEqual([alone.text, alone.text]);
    expect(await model.detokenize(ids)).toContain('a cat');
  });

  it('writes what an uncached token by token run writes, whatever the chunking of the prompt', async () => {
    const { tokens } = await write({ maxTokens: 60, ignoreEos: true });
    const ids = await model.tokenize(PROMPT);
    const rows = await model.logprobs([...ids, ...tokens.slice(0, -1)], 1);
    expect(rows.slice(ids.length - 1).map(([[id]]) => id)).toEqual(tokens);
  });
});

describe('bad arguments', () => {
  it('are BAD_USAGE, whatever they are', async () => {
    const bad = (call: () => Promise<unknown>) => expect(call()).rejects.toMatchObject({ code: 'BAD_USAGE' });
    await bad(() => loadModel(123 as never));
    await bad(() => loadModel(TALES, { memory: (() => 1) as never }));
    await bad(() => model.tokenize(5 as never));
    await bad(() => model.detokenize('x' as never));
    await bad(() => model.detokenize([4096]));
    expect(() => model.generate(PROMPT, { stop: 5 as never })).toThrowError(
      expect.objectContaining({ code: 'BAD_USAGE' }),
    );
  });
});

describe('the receipt', () => {
  it('accounts for time, bytes and bundles', async () => {
    const { receipt } = await model.generate([5, 6, 7, 8], { maxTokens: 20, ignoreEos: true }).result;
    expect(receipt).toMatchObject({ exact: true, falseNegativeRate: null });
    expect(receipt.memoryBytes).toBeLessThanOrEqual(receipt.budgetBytes);
    expect(receipt.bundlesHit + receipt.bundlesMissed).toBeGreaterThan(0);
    expect(receipt.payloadBytesRead.prefill + receipt.payloadBytesRead.decode).toBe(receipt.bundlesMissed * 2 * 272);
    expect(receipt.tokenMs.p50!).toBeLessThanOrEqual(receipt.tokenMs.p99!);
    expect(receipt.decodeTokensPerSecond!).toBeGreaterThan(0);
    expect(receipt.deviceBytesRead.decode).toBeGreaterThanOrEqual(receipt.payloadBytesRead.decode);
  });
});
