import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { loadModel, planModel } from '../../dist/src/index.js';
import { flashrow, flashrowJson } from '../support/flashrow.js';
import { type Gguf, tinyLlama, writeGguf } from '../support/tiny-gguf.js';
import { writeJson, writeTinyModel } from '../support/tiny-hugging-face.js';

const folder = mkdtempSync(join(tmpdir(), 'flashrow-ids-only-'));
afterAll(() => rmSync(folder, { recursive: true }));
const cacheDir = join(folder, 'cache');

/** The tiny GGUF with these entries in place of its own; undefined takes one away. */
function gguf(name: string, changes: Record<string, Gguf['entries'][number][2] | undefined>): string {
  const model = tinyLlama();
  model.entries = model.entries.flatMap((entry) => {
    const [key, type] = entry;
    if (!(key in changes)) return [entry];
    return changes[key] === undefined ? [] : [[key, type, changes[key]] as Gguf['entries'][number]];
  });
  const path = join(folder, `${name}.gguf`);
  writeFileSync(path, writeGguf(model).file);
  return path;
}

function klingonFolder(): string {
  const path = join(folder, 'klingon');
  mkdirSync(path);
  writeTinyModel(path);
  writeJson(path, 'tokenizer.json', { model: { type: 'Klingon', vocab: { a: 0 } } });
  return path;
}

const NOTHING = {
  'tokenizer.ggml.model': undefined,
  'tokenizer.ggml.pre': undefined,
  'tokenizer.ggml.tokens': undefined,
  'tokenizer.ggml.token_type': undefined,
  'tokenizer.ggml.merges': undefined,
};

/** Models whose texts are not understood, and what tells so. The ids are those of the same file with a tokenizer. */
const MODELS: [name: string, path: () => string, told: RegExp][] = [
  ['of RWKV', () => gguf('rwkv', { 'tokenizer.ggml.model': 'rwkv', 'tokenizer.ggml.merges': undefined }), /"rwkv"/],
  ['with an unknown pre-tokenizer', () => gguf('pre', { 'tokenizer.ggml.pre': 'klingon' }), /"klingon"/],
  ['without a vocabulary', () => gguf('nothing', NOTHING), /no vocabulary/],
  ['that says it has none', () => gguf('none', { ...NOTHING, 'tokenizer.ggml.model': 'none' }), /no vocabulary/],
  ['of an unknown tokenizer.json', klingonFolder, /"Klingon"/],
];

describe.each(MODELS)('a model %s', (_, make, told) => {
  const path = make();

  it('is no draft, as its tokens cannot be compared', async () => {
    const options = { cacheDir, contextSize: 32, draft: { model: path } };
    for (const open of [planModel, loadModel])
      await expect(open(path, options)).rejects.toMatchObject({
        code: 'UNSUPPORTED',
        message: expect.stringMatching(told),
      });
  });

  it('runs on ids, warns by name, and refuses texts by name', async () => {
    const model = await loadModel(path, { cacheDir, contextSize: 32 });
    try {
      expect(model.info.warnings).toEqual([expect.stringMatching(told)]);
      const { text, tokens, warnings } = await model.generate([3, 4], { maxTokens: 4, stop: 'a', ignoreEos: true })
        .result;
      expect([text, tokens.length]).toEqual(['', 4]);
      expect(warnings).toEqual([expect.stringContaining('`stop` changed nothing')]);
      expect(await model.logprobs([3, 4], 2)).toHaveLength(2);
      expect((await model.evaluate([[3, 4, 5]])).tokens).toBe(2);
      const refused = expect.objectContaining({ code: 'UNSUPPORTED', message: expect.stringMatching(told) });
      await expect(model.generate('a').result).rejects.toEqual(refused);
      await expect(model.chat([{ role: 'user', content: 'a' }], { template: 'x' }).result).rejects.toEqual(refused);
      await expect(model.tokenize('a')).rejects.toEqual(refused);
      await expect(model.detokenize([3])).rejects.toEqual(refused);
      await expect(model.countTokens('a')).rejects.toEqual(refused);
      await expect(model.applyTemplate([{ role: 'user', content: 'a' }])).rejects.toEqual(refused);
    } finally {
      await model.dispose();
    }
  });
});

it('what ends an answer is known of a GGUF file without a tokenizer, and the ids are those of the file with one', async () => {
  const generate = async (path: string, ignoreEos: boolean) => {
    const model = await loadModel(path, { cacheDir, contextSize: 32 });
    try {
      return await model.generate([3, 4], { maxTokens: 8, ignoreEos }).result;
    } finally {
      await model.dispose();
    }
  };
  const { tokens } = await generate(gguf('known', {}), true);
  expect((await generate(gguf('unknown', { 'tokenizer.ggml.model': 'rwkv' }), true)).tokens).toEqual(tokens);
  const ended = gguf('ended', { 'tokenizer.ggml.model': 'rwkv', 'tokenizer.ggml.eos_token_id': tokens[0] });
  expect(await generate(ended, false)).toMatchObject({ tokens: [], endedBy: 'endToken' });
});

it('such a model runs, is planned, converted and listed from the command line', async () => {
  const [, make, told] = MODELS[0];
  const path = make();
  const cache = ['--cache-dir', cacheDir];
  const run = await flashrowJson<{ text: string; tokens: number[] }>([
    ...['run', path, '--tokens', '[3,4]', '--max-tokens', '2', '--ignore-eos', ...cache],
  ]);
  expect(run.json).toMatchObject({ text: '', tokens: [expect.any(Number), expect.any(Number)] });
  expect(run.stderr).toMatch(told);
  const plain = await flashrow(['run', path, '--tokens', '[3,4]', '--max-tokens', '2', '--ignore-eos', ...cache]);
  expect(plain.stderr).toContain(JSON.stringify(run.json.tokens));
  const plan = await flashrowJson<{ fits: boolean }>(['plan', path, '--memory', '100MB', ...cache]);
  expect(plan.json.fits).toBe(true);
  const store = `${path}.store`;
  expect((await flashrow(['convert', path, store])).exitCode).toBe(0);
  const scored = await flashrowJson<{ rows: unknown[] }>(['logprobs', store, '--tokens', '[3,4]', '--top', '1']);
  expect(scored.json.rows).toHaveLength(2);
  expect((await flashrow(['list', ...cache])).exitCode).toBe(0);
  for (const args of [
    ['tokenize', path, '--text', 'a'],
    ['run', path, '-p', 'a', ...cache],
  ]) {
    const refused = await flashrowJson(args);
    expect([refused.exitCode, refused.json.error.code]).toEqual([1, 'UNSUPPORTED']);
    expect(refused.json.error.message).toMatch(told);
  }
});
