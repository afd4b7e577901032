import { describe, expect, it } from 'vitest';
import { chooseFiles } from '../../dist/src/hub/choose-files.js';
import { parseModelName, requireModelName } from '../../dist/src/hub/model-name.js';

const HUB = 'https://huggingface.co';

/** The addresses are those of the hub's pages and files, as its address bar and its buttons give them. */
describe('the name of a model', () => {
  it.each([
    ['o/m', { repo: 'o/m', tag: null }],
    ['o/m:Q8_0', { repo: 'o/m', tag: 'Q8_0' }],
    ['hf.co/o/m', { repo: 'o/m', tag: null }],
    ['hf.co/o/m:q8_0', { repo: 'o/m', tag: 'q8_0' }],
    ['HuggingFace.co/o/m', { repo: 'o/m', tag: null }],
    ['https://huggingface.co/o/m', { repo: 'o/m', tag: null }],
    ['https://huggingface.co/o/m/', { repo: 'o/m', tag: null }],
    ['https://hf.co/o/m:Q4_K_M', { repo: 'o/m', tag: 'Q4_K_M' }],
    ['https://huggingface.co/o/m?show_file_info=x.gguf#files', { repo: 'o/m', tag: null }],
    ['https://huggingface.co/o/m/tree/main', { repo: 'o/m', tag: null, revision: 'main' }],
    ['https://huggingface.co/o/m/tree/v1/UD-Q4', { repo: 'o/m', tag: null, revision: 'v1', within: 'UD-Q4' }],
    ['https://huggingface.co/o/m/blob/main/a.gguf', { repo: 'o/m', tag: null, revision: 'main', within: 'a.gguf' }],
    [
      'https://huggingface.co/o/m/resolve/main/d%20e/a.gguf?download=true',
      { repo: 'o/m', tag: null, revision: 'main', within: 'd e/a.gguf' },
    ],
    ['https://my.hub:8080/o/m', { repo: 'o/m', tag: null }],
  ])('is found in %s', (text, expected) => {
    expect(requireModelName(text, 'https://my.hub:8080')).toEqual(expected);
  });

  it.each(['models/o/m', './o/m', '../o', 'o/m/', 'C:\\m', 'm.gguf', '/o/m', 'o/m/tree/main', 'https://a.b/o/m', ''])(
    'is not found in %j',
    (text) => {
      expect(parseModelName(text)).toBe(null);
    },
  );

  it.each([
    ['https://ollama.com/library/llama3', /is at ollama\.com; models come from huggingface\.co/],
    ['ghcr.io/o/m', /is at ghcr\.io/],
    ['https://huggingface.co/datasets/o/m', /address of no model: datasets/],
    ['just-a-name', /is called organization\/repository/],
  ])('that is none, %s, is told from one', (text, message) => {
    expect(() => requireModelName(text, HUB)).toThrow(expect.objectContaining({ code: 'BAD_USAGE' }));
    expect(() => requireModelName(text, HUB)).toThrow(message);
  });
});

describe('the place in a repository that an address names', () => {
  const paths = ['a-Q4_0.gguf', 'a-Q8_0.gguf', 'big/a-F16-00001-of-00002.gguf', 'big/a-F16-00002-of-00002.gguf'];
  const choose = (within: string, tag: string | null = null) => chooseFiles('o/m', paths, tag, within);

  it('chooses the model of a file, of any part, or of a folder', () => {
    expect(choose('a-Q8_0.gguf')).toEqual([paths[1]]);
    expect(choose('big/a-F16-00002-of-00002.gguf')).toEqual(paths.slice(2));
    expect(choose('big')).toEqual(paths.slice(2));
  });

  it('that has no such file is refused, and the models are named', () => {
    expect(() => choose('b.gguf')).toThrow(/has no model b\.gguf; it has .*Q4_0/);
  });

  it('leaves the choice where it says nothing of it', () => {
    expect(() => choose('README.md')).toThrow(/holds several models/);
    expect(choose('README.md', 'Q4_0')).toEqual([paths[0]]);
  });
});
