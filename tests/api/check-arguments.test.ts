import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as flashrow from '../../dist/src/index.js';
import { TALES } from '../support/shipped.js';

/** Typed as whoever writes plain JavaScript sees it. */
// biome-ignore lint/suspicious/noExplicitAny: wrong types are what this is about
const { loadModel, planModel, convertModel, verifyStore, calibrateStore, compareSelectors } = flashrow as any;
// biome-ignore lint/suspicious/noExplicitAny: the same
let model: any;
beforeAll(async () => {
  model = await loadModel(TALES, { contextSize: 32 });
});
afterAll(() => model.dispose());

/** A call, and what the message must say to write instead. */
const WRONG: [string, () => unknown, string][] = [
  ['loadModel()', () => loadModel(), 'the model is a path, not undefined'],
  ["loadModel('')", () => loadModel(''), 'the model is a path, not an empty text'],
  ['loadModel(store, null)', () => loadModel(TALES, null), 'options are an object'],
  [
    'loadModel(store, {cacheDir: 5})',
    () => loadModel(TALES, { cacheDir: 5 }),
    'cacheDir is the path of a folder, not 5',
  ],
  ["loadModel(store, {signal: 'x'})", () => loadModel(TALES, { signal: 'x' }), 'signal is an AbortSignal, not "x"'],
  ['loadModel(store, {onProgress: 5})', () => loadModel(TALES, { onProgress: 5 }), 'onProgress is a function, not 5'],
  ['loadModel(store, {tuning: null})', () => loadModel(TALES, { tuning: null }), 'tuning is an object'],
  ["loadModel(store, {exact: 'no'})", () => loadModel(TALES, { exact: 'no' }), 'exact is true or false, not "no"'],
  ['loadModel(store, {memory: {}})', () => loadModel(TALES, { memory: {} }), 'memory is a whole number of bytes'],
  ["loadModel(store, {threads: 'x'})", () => loadModel(TALES, { threads: 'x' }), 'threads is from 1'],
  ['planModel(5)', () => planModel(5), 'the model is a path, not 5'],
  [
    "planModel(store, {tuning: {direct: 'x'}})",
    () => planModel(TALES, { tuning: { direct: 'x' } }),
    'tuning.direct is true or',
  ],
  ['planModel(store, null)', () => planModel(TALES, null), 'options are an object'],
  ['convertModel()', () => convertModel(), 'the checkpoint is a path, not undefined'],
  ['convertModel(file)', () => convertModel('m.gguf'), 'the store is a path, not undefined'],
  ['convertModel(file, store, null)', () => convertModel('m.gguf', 's', null), 'options are an object'],
  ['verifyStore()', () => verifyStore(), 'the store is a path, not undefined'],
  ['verifyStore(5)', () => verifyStore(5), 'the store is a path, not 5'],
  [
    'verifyStore(store, {signal: {}})',
    () => verifyStore(TALES, { signal: {} }),
    'signal is an AbortSignal, not an object',
  ],
  ['calibrateStore(store)', () => calibrateStore(TALES), 'documents is an array of texts, not undefined'],
  ["calibrateStore(store, 'text')", () => calibrateStore(TALES, 'text'), 'documents is an array of texts, not "text"'],
  ['compareSelectors(store)', () => compareSelectors(TALES), 'documents is an array of texts'],
  [
    'compareSelectors(store, {sequences: [1]})',
    () => compareSelectors(TALES, { sequences: [1] }),
    'sequences is an array of arrays',
  ],
  ['generate()', () => model.generate(), 'a prompt is a string or an array of token ids'],
  ['generate(prompt, null)', () => model.generate('x', null), 'options are an object'],
  ["generate(prompt, {signal: 'x'})", () => model.generate('x', { signal: 'x' }), 'signal is an AbortSignal'],
  ['generate(prompt, {onPrefill: 1})', () => model.generate('x', { onPrefill: 1 }), 'onPrefill is a function'],
  ["chat('x')", () => model.chat('x'), 'messages are a list'],
  ['chat(messages, null)', () => model.chat([{ role: 'user', content: 'x' }], null), 'options are an object'],
  ['chat(messages, {template: 5})', () => model.chat([{ role: 'user', content: 'x' }], { template: 5 }), 'template is'],
  ['tokenize()', () => model.tokenize(), 'text is a text, not'],
  ['tokenize(text, null)', () => model.tokenize('x', null), 'options are an object'],
  ["detokenize('x')", () => model.detokenize('x'), 'ids is an array of token ids, like [1, 2], not "x"'],
  ['logprobs()', () => model.logprobs(), 'tokens is an array of token ids'],
  ["logprobs('x', 2)", () => model.logprobs('x', 2), 'tokens is an array of token ids, like [1, 2], not "x"'],
  ['logprobs([1])', () => model.logprobs([1]), 'topK is a whole number from 1, not undefined'],
  ["logprobs(['x'], 2)", () => model.logprobs(['x'], 2), 'token id x is not in the vocabulary'],
  ['evaluate()', () => model.evaluate(), 'sequences is an array of arrays'],
  ['evaluate([1])', () => model.evaluate([1]), 'sequences is an array of arrays of token ids, like [[1, 2]], not [1]'],
  ['evaluate([[1, 2]], null)', () => model.evaluate([[1, 2]], null), 'options are an object'],
];

describe('an argument of a wrong type', () => {
  it.each(WRONG)('%s is BAD_USAGE that says what to write instead', async (_, call, said) => {
    const error = await Promise.resolve()
      .then(call)
      .then(() => null)
      .catch((thrown) => thrown);
    expect(error).toBeInstanceOf(flashrow.FlashrowError);
    expect(error).toMatchObject({ code: 'BAD_USAGE', message: expect.stringContaining(said) });
  });

  it('of an asynchronous call is a rejection, never thrown where the call is made', async () => {
    for (const call of [planModel, convertModel, verifyStore, loadModel])
      await expect(call(null)).rejects.toThrow('is a path, not null');
  });
});
