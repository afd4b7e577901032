import { describe, expect, it } from 'vitest';
import { chooseFiles } from '../../src/hub/choose-files.js';
import { shardsOf } from '../../src/hub/shards.js';

const FOLDER = ['config.json', 'tokenizer.json', 'README.md', 'pytorch_model.bin'];
const choose = (paths: string[], tag: string | null = null) => chooseFiles('o/r', paths, tag);

describe('the files of one model', () => {
  it('are one file, or all its parts in order, whatever folder they are in', () => {
    expect(choose(['a/m-Q8_0.gguf', 'README.md'])).toEqual(['a/m-Q8_0.gguf']);
    expect(choose(['q/m-Q8_0-00002-of-00002.gguf', 'q/m-Q8_0-00001-of-00002.gguf', 'm-Q4_0.gguf'], 'q8_0')).toEqual([
      'q/m-Q8_0-00001-of-00002.gguf',
      'q/m-Q8_0-00002-of-00002.gguf',
    ]);
  });

  it.each([
    ['UD-Q8_0', 'm-UD-Q8_0.gguf'],
    ['ud-q8_0', 'm-UD-Q8_0.gguf'],
    ['Q8_0', 'm-Q8_0.gguf'],
    ['IQ4_NL', 'm-IQ4_NL.gguf'],
    ['m-Q8_0', 'm-Q8_0.gguf'],
  ])('are told by the tag %s', (tag, file) => {
    expect(choose(['m-Q8_0.gguf', 'm-UD-Q8_0.gguf', 'm-IQ4_NL.gguf'], tag)).toEqual([file]);
  });

  it.each([['8_0'], ['NL'], ['m'], ['Q4_NL']])('are not told by %s, the end of another word', (tag) => {
    expect(() => choose(['m-Q8_0.gguf', 'm-UD-Q8_0.gguf', 'm-IQ4_NL.gguf'], tag)).toThrow(
      `o/r has no ${tag}; name one, as in o/r:<tag>: IQ4_NL, Q8_0, UD-Q8_0`,
    );
  });

  it('are never those of two models: a tag that both have is refused with what tells them apart', () => {
    const both = ['llama-7b.Q8_0.gguf', 'llama-13b.Q8_0.gguf', 'llama-13b.Q4_0.gguf'];
    expect(() => choose(both, 'Q8_0')).toThrow('o/r has several models called Q8_0; name one');
    expect(() => choose(both, 'Q8_0')).toThrow('13b.Q8_0, 7b.Q8_0');
    expect(choose(both, '7b.Q8_0')).toEqual(['llama-7b.Q8_0.gguf']);
    expect(choose(both, 'Q4_0')).toEqual(['llama-13b.Q4_0.gguf']);
    expect(() => choose(['a/m-Q8_0.gguf', 'b/m-Q8_0.gguf'], 'Q8_0')).toThrow('a-m-Q8_0, b-m-Q8_0');
    expect(choose(['a/m-Q8_0.gguf', 'b/m-Q8_0.gguf'], 'b-m-Q8_0')).toEqual(['b/m-Q8_0.gguf']);
  });

  it('are not those of UD-Q8_0 where Q8_0 is asked for, though there is no other', () => {
    expect(() => choose(['m-UD-Q8_0.gguf'], 'Q8_0')).toThrow('o/r has no Q8_0; name one, as in o/r:<tag>: UD-Q8_0');
  });

  it.each([
    ['mmproj-f16.gguf'],
    ['m-mmproj-f16.gguf'],
    ['m.mmproj-Q8_0.gguf'],
    ['imatrix.gguf'],
    ['m.imatrix.gguf'],
    ['imatrix_unsloth.gguf'],
  ])('are not %s', (file) => {
    expect(choose([file, 'm-Q8_0.gguf'])).toEqual(['m-Q8_0.gguf']);
  });

  it('may be called after the imatrix they were quantized with', () => {
    expect(choose(['m-imatrix-Q4_K_M.gguf', 'm.imatrix.gguf'])).toEqual(['m-imatrix-Q4_K_M.gguf']);
  });

  it('of a Hugging Face folder are what the loader reads, config.json first', () => {
    const weights = ['consolidated.safetensors', 'model.safetensors', 'model.safetensors.index.json'];
    expect(choose([...FOLDER, ...weights])).toEqual(['config.json', 'tokenizer.json', 'model.safetensors']);
    expect(choose([...FOLDER, 'consolidated.safetensors', 'model.safetensors.index.json'])).toEqual([
      'config.json',
      'tokenizer.json',
      'model.safetensors.index.json',
    ]);
    for (const none of [FOLDER, [...FOLDER, 'consolidated.safetensors'], ['model.safetensors']])
      expect(() => choose(none)).toThrow('holds no model');
  });

  it('in shards are those that the index names', () => {
    const shards = (map: unknown) =>
      shardsOf('o/r', 'i.json', Buffer.from(JSON.stringify(map)), new Set(['1.safetensors', '2.safetensors']));
    expect(shards({ weight_map: { b: '2.safetensors', a: '1.safetensors', c: '2.safetensors' } })).toEqual([
      '1.safetensors',
      '2.safetensors',
    ]);
    expect(() => shards({ weight_map: { a: '3.safetensors' } })).toThrow('names "3.safetensors", which is not there');
    for (const none of [{}, { weight_map: {} }, { weight_map: 5 }]) expect(() => shards(none)).toThrow('weight_map');
    expect(() => shardsOf('o/r', 'i.json', Buffer.from('{'), new Set())).toThrow('o/r/i.json is no JSON');
  });
});
