import { beforeAll, describe, expect, it } from 'vitest';
import type { Tokenizer } from '../../dist/src/text/tokenizer.js';
import { haveSharedData, withoutSharedData } from '../support/shared-data.js';
import { HARD_TEXTS, LITERAL, openTokenizer, openTokenizerJson, sharedText } from './data.js';

/** llama.cpp's test vocabularies, with the ids it expects. */
const VOCABULARIES = ['llama-spm', 'gpt-2', 'falcon'];

const inputsOf = (file: string) => sharedText(`${file}.inp`).split('\n__ggml_vocab_test__\n').slice(0, -1);

describe.runIf(haveSharedData).each(VOCABULARIES)(`the GGUF vocabulary %s${withoutSharedData}`, (name) => {
  const file = `tokenizers/ggml-vocab-${name}.gguf`;
  let tokenizer: Tokenizer;
  beforeAll(() => {
    tokenizer = openTokenizer(file);
  });

  it('gives the ids of llama.cpp for each of its inputs and decodes them again', () => {
    const inputs = inputsOf(file);
    const outputs = sharedText(`${file}.out`)
      .trimEnd()
      .split('\n')
      .map((line) => line.split(' ').filter(Boolean).map(Number));
    expect(inputs).toHaveLength(46);
    expect(outputs).toHaveLength(46);
    inputs.forEach((input, at) => {
      expect(tokenizer.encode(input, LITERAL), JSON.stringify(input)).toEqual(outputs[at]);
      expect(tokenizer.decode(outputs[at])).toBe(input);
    });
  });

  it('decodes what it encodes, however odd the text', () => {
    for (const text of HARD_TEXTS) {
      if (name === 'llama-spm' && text.includes('▁')) continue;
      expect(tokenizer.decode(tokenizer.encode(text, LITERAL)) === text, JSON.stringify(text.slice(0, 20))).toBe(true);
    }
  });

  it('reads half a surrogate pair as U+FFFD', () => {
    expect(tokenizer.encode('\ud83ex\udd99', LITERAL)).toEqual(tokenizer.encode('\ufffdx\ufffd', LITERAL));
  });
});

describe.runIf(haveSharedData)(`llama2_tokenizer.json and the GGUF of the same model${withoutSharedData}`, () => {
  it('agree on every input', () => {
    const fromGguf = openTokenizer('tokenizers/ggml-vocab-llama-spm.gguf');
    const fromJson = openTokenizerJson('tokenizers/llama2_tokenizer.json');
    for (const input of inputsOf('tokenizers/ggml-vocab-llama-spm.gguf')) {
      expect(fromJson.encode(input, LITERAL)).toEqual(fromGguf.encode(input, LITERAL));
    }
  });
});
