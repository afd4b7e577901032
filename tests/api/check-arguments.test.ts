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

/** What a call throws or rejects with; null where it does neither. */
const rejection = (call: () => unknown): Promise<unknown> =>
  Promise.resolve()
    .then(call)
    .then(() => null)
    .catch((thrown) => thrown);

const MESSAGES = [{ role: 'user', content: 'x' }];
const CYCLIC: Record<string, unknown> = { role: 'user', content: 'x' };
CYCLIC.self = CYCLIC;

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
  ["loadModel(store, {threads: 'x'})", () => loadModel(TALES, { threads: 'x' }), 'threads is a whole number from 1'],
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
  ['compareSelectors(store)', () => compareSelectors(TALES), 'text is an object, like { documents } or { sequences }'],
  ['compareSelectors(store, {})', () => compareSelectors(TALES, {}), 'documents is an array of texts'],
  ['compareSelectors(store, [])', () => compareSelectors(TALES, ['a']), 'text is an object, like'],
  ['compareSelectors(none)', () => compareSelectors(TALES, { documents: [] }), 'nothing to score'],
  ['compareSelectors(empty)', () => compareSelectors(TALES, { documents: [''] }), 'nothing to score'],
  ['compareSelectors(one id)', () => compareSelectors(TALES, { sequences: [[1]] }), 'nothing to score'],
  ['compareSelectors(both)', () => compareSelectors(TALES, { documents: ['a'], sequences: [[1, 2]] }), 'not both'],
  ['compareSelectors(docs)', () => compareSelectors(TALES, { documents: ['a'], docs: 1 }), '`docs` is no option of'],
  [
    'compareSelectors(store, {sequences: [1]})',
    () => compareSelectors(TALES, { sequences: [1] }),
    'sequences is an array of arrays',
  ],
  ['generate()', () => model.generate(), 'prompt is a string or an array of token ids'],
  ['generate(prompt, null)', () => model.generate('x', null), 'options are an object'],
  ["generate(prompt, {signal: 'x'})", () => model.generate('x', { signal: 'x' }), 'signal is an AbortSignal'],
  ['generate(prompt, {onStart: 1})', () => model.generate('x', { onStart: 1 }), 'onStart is a function, not 1'],
  ["chat('x')", () => model.chat('x'), 'messages are a list'],
  ['chat(messages, null)', () => model.chat([{ role: 'user', content: 'x' }], null), 'options are an object'],
  ['chat(messages, {template: 5})', () => model.chat([{ role: 'user', content: 'x' }], { template: 5 }), 'template is'],
  ['tokenize()', () => model.tokenize(), 'text is a text, not'],
  ['tokenize(text, null)', () => model.tokenize('x', null), 'options are an object'],
  ["detokenize('x')", () => model.detokenize('x'), 'ids is an array of token ids, like [1, 2], not "x"'],
  ['logprobs()', () => model.logprobs(), 'tokens is an array of token ids'],
  ["logprobs('x', 2)", () => model.logprobs('x', 2), 'tokens is an array of token ids, like [1, 2], not "x"'],
  ['logprobs([1])', () => model.logprobs([1]), 'topK is a whole number from 1, not undefined'],
  ["logprobs(['x'], 2)", () => model.logprobs(['x'], 2), 'token id "x" is not in the vocabulary'],
  [
    'loadModel({sequences: 0})',
    () => loadModel(TALES, { sequences: 0 }),
    'sequences is a whole number from 1 to 64, not 0',
  ],
  [
    'loadModel({sequences: 1.5})',
    () => loadModel(TALES, { sequences: 1.5 }),
    'sequences is a whole number from 1 to 64, not 1.5',
  ],
  ['loadModel({maxQueue: -1})', () => loadModel(TALES, { maxQueue: -1 }), 'maxQueue is a whole number from 0'],
  ['countTokens(5)', () => model.countTokens(5), 'messages are a list'],
  ['countTokens(text, {template})', () => model.countTokens('x', { template: 'x' }), 'no option of `countTokens()`'],
  ['applyTemplate([])', () => model.applyTemplate([]), 'messages are a list'],
  ["dispose({drain: 'yes'})", () => model.dispose({ drain: 'yes' }), 'drain is true or false, not "yes"'],
  ['evaluate()', () => model.evaluate(), 'sequences is an array of arrays'],
  ['evaluate([1])', () => model.evaluate([1]), 'sequences is an array of arrays of token ids, like [[1, 2]], not [1]'],
  // A hole is undefined, which `every` passes over.
  // biome-ignore lint/suspicious/noSparseArray: the same
  ['evaluate([, ids])', () => model.evaluate([, [1, 2]]), 'sequences is an array of arrays'],
  // biome-ignore lint/suspicious/noSparseArray: the same
  ['chat([, message])', () => model.chat([, MESSAGES[0]]), 'messages are a list'],
  ['chat(NaN)', () => model.chat([{ ...MESSAGES[0], at: NaN }]), 'messages[0].at is not what JSON has'],
  ['chat(Infinity)', () => model.chat([{ ...MESSAGES[0], at: Infinity }]), 'messages[0].at is not what JSON has'],
  ['chat(bigint)', () => model.chat([{ ...MESSAGES[0], at: 1n }]), 'messages[0].at is not what JSON has'],
  ['chat(cyclic)', () => model.chat([CYCLIC]), 'messages are nested more than 100 deep, or hold themselves'],
  [
    'applyTemplate(variables: cyclic)',
    () => model.applyTemplate(MESSAGES, { templateVariables: { x: CYCLIC } }),
    'templateVariables are nested more than 100 deep',
  ],
  ['examineModel({cacheDir: ~})', () => flashrow.examineModel(TALES, { cacheDir: '~/x' }), '~ is a word of the shell'],
  ['evaluate([])', () => model.evaluate([]), 'nothing to score'],
  ['evaluate([[1]])', () => model.evaluate([[1]]), 'nothing to score'],
  ['evaluate([[]])', () => model.evaluate([[]]), 'the list of token ids is empty'],
  ['generate([])', () => model.generate([]).result, 'the list of token ids is empty'],
  ['logprobs([], 1)', () => model.logprobs([], 1), 'the list of token ids is empty'],
  [
    'evaluate(ids, Map)',
    () => model.evaluate([[1, 2]], new Map()),
    'options are an object, like { signal }, not a Map',
  ],
  ['loadModel({tuning: []})', () => loadModel(TALES, { tuning: [] }), 'tuning is an object'],
  ['loadModel({tuning: Map})', () => loadModel(TALES, { tuning: new Map() }), 'tuning is an object'],
  ['evaluate([[1, 2]], null)', () => model.evaluate([[1, 2]], null), 'options are an object'],
];

/** Options that do not exist, as other engines, clients and typists spell them, and the option that is meant. */
const MISSPELLED: [string, () => unknown, string][] = [
  ['generate(max_tokens)', () => model.generate('x', { max_tokens: 3 }), 'maxTokens'],
  ['generate(maxTokenz)', () => model.generate('x', { maxTokenz: 3 }), 'maxTokens'],
  ['generate(max_new_tokens)', () => model.generate('x', { max_new_tokens: 3 }), 'maxTokens'],
  ['tokenize(special)', () => model.tokenize('x', { special: false }), 'addSpecial'],
  ['generate(onPrefill)', () => model.generate('x', { onPrefill: () => {} }), 'onProgress'],
  ['generate(top_k)', () => model.generate('x', { top_k: 3 }), 'topK'],
  ['generate(repetition_penalty)', () => model.generate('x', { repetition_penalty: 1.1 }), 'repeatPenalty'],
  ['chat(temprature)', () => model.chat(MESSAGES, { temprature: 1 }), 'temperature'],
  ['chat(chat_template)', () => model.chat(MESSAGES, { chat_template: 'x' }), 'template'],
  ['evaluate(onprogress)', () => model.evaluate([[1, 2]], { onprogress: () => {} }), 'onProgress'],
  ['logprobs(abortSignal)', () => model.logprobs([1], 1, { abortSignal: null }), 'signal'],
  ['loadModel(contextsize)', () => loadModel(TALES, { contextsize: 100 }), 'contextSize'],
  ['loadModel(n_ctx)', () => loadModel(TALES, { n_ctx: 100 }), 'contextSize'],
  ['loadModel(tuning.selectr)', () => loadModel(TALES, { tuning: { selectr: 'all' } }), 'tuning.selector'],
  ['planModel(memry)', () => planModel(TALES, { memry: 1 }), 'memory'],
  ['convertModel(row)', () => convertModel('a', 'b', { row: 'f16' }), 'rows'],
  ['verifyStore(Signal)', () => verifyStore(TALES, { Signal: null }), 'signal'],
  ['calibrateStore(token)', () => calibrateStore(TALES, ['x'], { token: 3 }), 'tokens'],
  ['compareSelectors(thread)', () => compareSelectors(TALES, { documents: [] }, { thread: 1 }), 'threads'],
];

describe('an option that does not exist', () => {
  it.each(MISSPELLED)('%s is BAD_USAGE that names the option meant', async (_, call, meant) => {
    const error = await rejection(call);
    expect(error).toBeInstanceOf(flashrow.FlashrowError);
    expect(error).toMatchObject({ code: 'BAD_USAGE', message: expect.stringContaining(`did you mean \`${meant}\`?`) });
  });

  it('that is like no other is answered with the list', async () => {
    const error = await rejection(() => model.evaluate([[1, 2]], { banana: 1 }));
    expect(error).toMatchObject({
      message: '`banana` is no option of `evaluate()`; it takes `signal`, `onProgress`',
      details: { option: 'banana', accepted: 'signal, onProgress' },
    });
  });

  it('counts where it is inherited, and not where it is undefined', async () => {
    expect(await rejection(() => model.generate('x', Object.create({ max_tokens: 3 })))).toMatchObject({
      code: 'BAD_USAGE',
    });
    expect(await model.tokenize('', { banana: undefined })).toBeInstanceOf(Array);
  });
});

const WRONG_VALUES: [object, string][] = [
  [{ ignoreEos: 'no' }, 'ignoreEos is true or false, not "no"'],
  [{ seed: null }, 'seed is a whole number of at most 53 bits, not null'],
  [{ seed: 0.5 }, 'seed is a whole number of at most 53 bits, not 0.5'],
  [{ seed: 2 ** 53 }, 'seed is a whole number of at most 53 bits, not 9007199254740992'],
  [{ trace: '~/trace' }, 'trace is a path, not "~/trace": ~ is a word of the shell'],
  [{ maxTokens: '5' }, 'maxTokens is a whole number from 0'],
  [{ maxTokens: -1 }, 'maxTokens is a whole number from 0'],
  [{ temperature: null }, 'temperature is a number from 0, not null'],
  [{ temperature: NaN }, 'temperature is a number from 0, not NaN'],
  [{ topP: '0.5' }, 'topP is above 0 and at most 1, not "0.5"'],
  [{ minP: 2 }, 'minP is from 0 to 1, not 2'],
  [{ repeatPenalty: 0 }, 'repeatPenalty is a number above 0, not 0'],
  [{ typicalP: 0 }, 'typicalP is above 0 and at most 1, not 0'],
  [{ xtcProbability: 2 }, 'xtcProbability is from 0 to 1, not 2'],
  [{ presencePenalty: '1' }, 'presencePenalty is a number, not "1"'],
  [{ penaltyWindow: -1 }, 'penaltyWindow is a whole number from 0, or Infinity, not -1'],
  [{ dryBase: 0.5 }, 'dryBase is a number from 1, not 0.5'],
  [{ dryAllowedLength: 0 }, 'dryAllowedLength is a whole number from 1, not 0'],
  [{ logitBias: { a: 1 } }, 'logitBias is an object of numbers by token ids'],
  [{ logitBias: { 5: Number.NaN } }, 'logitBias[5] is a number, or -Infinity, not NaN'],
  [{ logitBias: { 1: 0, 7: Infinity } }, 'logitBias[7] is a number, or -Infinity, not Infinity'],
  [{ logitBias: [[5, 1]] }, 'logitBias is an object of numbers by token ids'],
  [{ logprobs: 5 }, 'logprobs is true or false, not 5'],
  [{ topLogprobs: 101 }, 'topLogprobs is a whole number from 0 to 100, not 101'],
  [{ stop: ['a', ''] }, 'stop is a text or an array of texts, none of them empty'],
  [{ stop: null }, 'stop is a text or an array of texts'],
];

it.each(WRONG_VALUES)('a value that an option does not accept, %j, is BAD_USAGE', async (options, said) => {
  for (const call of [() => model.generate('x', options), () => model.chat(MESSAGES, options)])
    expect(await rejection(call)).toMatchObject({ code: 'BAD_USAGE', message: expect.stringContaining(said) });
});

describe('an argument of a wrong type', () => {
  it.each(WRONG)('%s is BAD_USAGE that says what to write instead', async (_, call, said) => {
    const error = await rejection(call);
    expect(error).toBeInstanceOf(flashrow.FlashrowError);
    expect(error).toMatchObject({ code: 'BAD_USAGE', message: expect.stringContaining(said) });
  });

  it('of an asynchronous call is a rejection, never thrown where the call is made', async () => {
    for (const call of [planModel, convertModel, verifyStore, loadModel])
      await expect(call(null)).rejects.toThrow('is a path, not null');
  });
});

it('what the caller changes after a call changes nothing', async () => {
  const sequences = [[1, 2, 3]];
  const evaluation = model.evaluate(sequences);
  sequences[0].push(4, 5);
  sequences.push([1, 2]);
  // The first token of three is not scored.
  expect((await evaluation).tokens).toBe(2);
});

describe('details of an error', () => {
  const NAMED: [string, () => unknown, string][] = [
    ['loadModel()', () => loadModel(), 'source'],
    ['convertModel()', () => convertModel('~/m.gguf', 'x'), 'source'],
    ['convertModel(source)', () => convertModel('m.gguf'), 'store'],
    ['verifyStore()', () => verifyStore('file://x%'), 'store'],
    ['generate()', () => model.generate(), 'prompt'],
  ];

  it.each(NAMED)('%s name the argument as the API does', async (_, call, option) => {
    expect(await rejection(call)).toMatchObject({ code: 'BAD_USAGE', details: { option } });
  });

  it('are what JSON holds', async () => {
    for (const call of [() => loadModel(TALES, { memory: 8n }), () => model.generate([1n]).result]) {
      const { details } = (await rejection(call)) as { details: object };
      expect(JSON.parse(JSON.stringify(details))).toEqual(details);
    }
  });
});

it('a plan takes the options of the load that it is for', async () => {
  const options = { memory: '64MB', maxQueue: 3, sequences: 1, onProgress: () => {} };
  expect((await planModel(TALES, options)).budgetBytes).toBe(64e6);
  const reason = new Error('given up');
  await expect(planModel(TALES, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
});

it('a prompt of megabytes is too long without being encoded', async () => {
  const { details } = (await rejection(() => model.generate('a cat '.repeat(1e6)).result)) as {
    details: { tokens: number; contextSize: number };
  };
  expect(details.contextSize).toBe(32);
  expect(details.tokens).toBeGreaterThan(32);
  // No token of this vocabulary is as long as six letters twenty times.
  expect(details.tokens).toBeGreaterThan(6e6 / 120);
  expect(details.tokens).toBeLessThan(6e6);
});
