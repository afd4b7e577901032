import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadModel } from '../../dist/src/index.js';
import type { GenerationResult } from '../../src/contract/generation.js';
import { flashrow, flashrowJson } from '../support/flashrow.js';
import { haveSharedData, sharedPath, withoutSharedData } from '../support/shared-data.js';
import { TYPES, tinyLlama, writeGguf } from '../support/tiny-gguf.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'flashrow-vocabulary-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const cached = (...args: string[]) => [...args, '--cache-dir', join(folder, 'cache')];
const handed = (file: string) => sharedPath(join('cases', file));

/** Models of a few weights, made so that each token is followed by the next one, or that nothing is a number. */
describe.runIf(haveSharedData)(`a tiny model${withoutSharedData}`, () => {
  const run = (file: string, ...more: string[]) =>
    flashrowJson<GenerationResult>(['run', ...cached(handed(file), '--tokens', '[0]', '--max-tokens', '6'), ...more]);

  it('ends at the id that its file calls the end of a turn', async () => {
    expect((await run('03-eot-token-id/eot.gguf')).json).toMatchObject({ text: 'b', finishReason: 'stop' });
  });

  it('keeps what may have begun a stop string when it ends', async () => {
    const { json } = await run('03-eot-token-id/eot.gguf', '--stop', 'bX');
    expect(json).toMatchObject({ text: 'b', finishReason: 'stop' });
  });

  it('ends before a stop string that its own end completes', async () => {
    const { json } = await run('03-eot-token-id/eot.gguf', '--stop', 'b[END]');
    expect(json).toMatchObject({ text: '', finishReason: 'stop' });
  });

  it.each([
    ['a special token', ['<|tool|>'], 'b'],
    ['text and a special token', ['b<|tool|>'], ''],
    ['a special token and text', ['<|tool|>c'], 'b'],
  ])('ends at a stop string that is %s, in the command and in the API', async (_, stop, text) => {
    const file = '04-stop-at-a-special-token/tool.gguf';
    const { json } = await run(file, '--stop', ...stop);
    expect(json).toMatchObject({ text, finishReason: 'stop' });
    const model = await loadModel(handed(file), { cacheDir: join(folder, 'cache') });
    const { result } = model.generate([0], { maxTokens: 6, stop });
    expect(await result).toMatchObject({ text, finishReason: 'stop', tokens: json.tokens });
    await model.dispose();
  });

  it.each([
    ['run', ['--tokens', '[0]']],
    ['run', ['--tokens', '[0]', '--temperature', '1', '--ignore-eos']],
    ['logprobs', ['--tokens', '[0,1]', '--top', '2']],
    ['eval', ['--sequences', 'SEQUENCES']],
  ])('that computes no numbers fails in %s %s', async (command, args) => {
    const sequences = join(folder, 'sequences.json');
    writeFileSync(sequences, '[[0,1,2]]');
    const given = args.map((arg) => (arg === 'SEQUENCES' ? sequences : arg));
    const { exitCode, json } = await flashrowJson([command, ...cached(handed('19-nan-logits/nan.gguf')), ...given]);
    expect({ exitCode, ...json.error }).toMatchObject({ exitCode: 1, code: 'NOT_A_NUMBER', details: { value: 'NaN' } });
  });
});

describe('what is odd about a vocabulary', () => {
  /** Without a pre-tokenizer, and with an EOS outside the vocabulary. */
  function odd(): string {
    const gguf = tinyLlama();
    gguf.entries = gguf.entries.filter(
      ([key]) => key !== 'tokenizer.ggml.pre' && key !== 'tokenizer.ggml.eos_token_id',
    );
    gguf.entries.push(['tokenizer.ggml.eos_token_id', TYPES.u32, 16]);
    gguf.entries.push(['general.sampling.mirostat', TYPES.u32, 2]);
    const path = join(folder, 'odd.gguf');
    writeFileSync(path, writeGguf(gguf).file);
    return path;
  }
  const notes = (stderr: string) => stderr.split('\n').filter((line) => line.startsWith('note: '));
  const ofVocabulary = [expect.stringContaining('eos_token_id is 16'), expect.stringContaining('tokenizer.ggml.pre')];

  it('is a note of tokenize', async () => {
    const { exitCode, stdout, stderr } = await flashrow(['tokenize', odd(), '--text', 'ab', '--json']);
    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: '{"tokens":[1,0,1]}\n' });
    expect(notes(stderr)).toEqual(ofVocabulary);
  });

  it('is a note of run, once, and in info.warnings, also from the store', async () => {
    const path = odd();
    for (let time = 0; time < 2; time++) {
      const { stderr } = await flashrow(['run', ...cached(path), '--prompt', 'ab', '--max-tokens', '1']);
      expect(notes(stderr)).toEqual([...ofVocabulary, expect.stringContaining('general.sampling.mirostat')]);
    }
    const model = await loadModel(path, { cacheDir: join(folder, 'cache') });
    expect(model.info.warnings).toEqual([...ofVocabulary, expect.stringContaining('general.sampling.mirostat')]);
    await model.dispose();
  });

  it('is nothing where nothing is', async () => {
    const path = join(folder, 'even.gguf');
    writeFileSync(path, writeGguf(tinyLlama()).file);
    const { stderr } = await flashrow(['tokenize', path, '--text', 'ab']);
    expect(stderr).toBe('');
  });
});

describe('a vocabulary that cannot be read', () => {
  it('is refused with its file before anything is written', async () => {
    const gguf = tinyLlama();
    gguf.entries = gguf.entries.filter(([key]) => key !== 'tokenizer.ggml.merges');
    const path = join(folder, 'no-merges.gguf');
    writeFileSync(path, writeGguf(gguf).file);
    const { json } = await flashrowJson(['tokenize', path, '--text', 'ab']);
    expect(json.error).toMatchObject({ code: 'CORRUPT', details: { path, key: 'tokenizer.ggml.merges' } });
  });

  it.each([
    ['x', ['a x'], /merges\[0\] is "a x"/],
    ['no list', 7, /no list of merges/],
  ])('is named by the path of tokenizer.json: %s', async (_, merges, message) => {
    const model = mkdtempSync(join(folder, 'model-'));
    writeFileSync(join(model, 'config.json'), '{}');
    const path = join(model, 'tokenizer.json');
    writeFileSync(path, JSON.stringify({ model: { type: 'BPE', vocab: { a: 0, b: 1 }, merges } }));
    const { json } = await flashrowJson(['tokenize', model, '--text', 'ab']);
    expect(json.error).toMatchObject({ code: 'CORRUPT', details: { path } });
    expect(json.error.message).toMatch(message);
    expect(json.error.message).toContain(path);
  });
});
