import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { writeRandomGguf } from '../../dist/bench/model/random-gguf.js';
import { SHAPES } from '../../dist/bench/model/shapes.js';
import { flashrow, flashrowJson } from '../support/flashrow.js';
import { haveSharedData, sharedPath, withoutSharedData } from '../support/shared-data.js';

const vocabulary = sharedPath('tokenizers/ggml-vocab-llama-spm.gguf');
const tokenize = (args: string[], input = '') =>
  flashrowJson<{ tokens: number[] }>(['tokenize', vocabulary, ...args], input);

// References: llama.cpp's own expectations for its vocabulary test.
describe.skipIf(!haveSharedData)(`tokenize${withoutSharedData}`, () => {
  const cases = () => {
    const inputs = readFileSync(`${vocabulary}.inp`, 'utf8').split('\n__ggml_vocab_test__\n');
    const outputs = readFileSync(`${vocabulary}.out`, 'utf8').split('\n');
    return inputs.map((text, index) => ({ text, ids: outputs[index].split(' ').filter(Boolean).map(Number) }));
  };

  test('stdin is taken byte for byte, line breaks and leading blanks included', async () => {
    const chosen = cases().filter(({ text }) => ['Führer', '\n\n', ' Hello'].includes(text));
    expect(chosen.length).toBe(3);
    const outcomes = await Promise.all(chosen.map(({ text }) => tokenize(['--file', '-', '--no-special'], text)));
    expect(outcomes.map(({ json }) => json.tokens)).toEqual(chosen.map(({ ids }) => ids));
  });

  test('--text gives what --file gives, as a JSON array without --json too', async () => {
    const { text, ids } = cases().find(({ text }) => text === 'Hello world')!;
    expect((await tokenize(['--text', text, '--no-special'])).json.tokens).toEqual(ids);
    const { stdout } = await flashrow(['tokenize', vocabulary, '--text', text, '--no-special']);
    expect(stdout).toBe(`${JSON.stringify(ids)}\n`);
  });

  test('BOS is added and special tokens are parsed, unless --no-special says otherwise', async () => {
    expect((await tokenize(['--text', 'Hello</s>'])).json.tokens).toEqual([1, 15043, 2]);
    expect((await tokenize(['--text', 'Hello</s>', '--no-special'])).json.tokens).not.toContain(2);
  });

  test('bytes that are no UTF-8 are refused rather than replaced', async () => {
    const { exitCode, json } = await flashrowJson(['tokenize', vocabulary, '--file', `${vocabulary}`]);
    expect([exitCode, json.error.code]).toEqual([2, 'BAD_USAGE']);
  });
});

test('a model that was pulled into --cache-dir is known by its name, to tokenize and to eval', async () => {
  const cache = mkdtempSync(join(tmpdir(), 'flashrow-tokenize-'));
  try {
    const folder = join(cache, 'models', 'o', 'tiny');
    mkdirSync(folder, { recursive: true });
    writeRandomGguf(join(folder, 'tiny-Q8_0.gguf'), SHAPES.tiny, 'q8_0');
    const byName = await flashrowJson(['tokenize', 'o/tiny', '--cache-dir', cache, '--text', 'a text']);
    const byPath = await flashrowJson(['tokenize', join(folder, 'tiny-Q8_0.gguf'), '--text', 'a text']);
    expect(byPath.json).toMatchObject({ tokens: expect.any(Array) });
    expect(byName.json).toEqual(byPath.json);
    const text = join(cache, 'text');
    writeFileSync(text, 'a text of some words');
    const scored = await flashrowJson(['eval', 'o/tiny', '--cache-dir', cache, '--text', text]);
    expect(scored.json).toMatchObject({ perplexity: expect.any(Number) });
  } finally {
    rmSync(cache, { recursive: true });
  }
});
