import { describe, expect, it } from 'vitest';
import { preTokenizerOf } from '../../dist/src/text/gguf/gguf-pre-tokenizers.js';
import { createPreTokenizer } from '../../dist/src/text/pre-tokenizer.js';
import { golden } from './data.js';

const isolate = (name: string) => ({
  type: 'Sequence',
  pretokenizers: preTokenizerOf(name).pattern.map((Regex) => ({
    type: 'Split',
    pattern: { Regex },
    behavior: 'Isolated',
    invert: false,
  })),
});

describe('pre-tokenizers', () => {
  it.each(Object.keys(golden.ggufPreTokenizers))('the pattern of %s cuts as the Rust library does', (name) => {
    const cut = createPreTokenizer(isolate(name));
    golden.texts.forEach((text: string, at: number) => {
      expect([...cut(text, true)]).toEqual(golden.ggufPreTokenizers[name][at]);
    });
  });

  it.each(
    golden.preTokenizers.map(({ config, pieces }: { config: object; pieces: string[][] }) => [
      JSON.stringify(config),
      config,
      pieces,
    ]) as [string, object, string[][]][],
  )('%s cuts as the Rust library does', (_, config, pieces) => {
    const cut = createPreTokenizer(config);
    golden.texts.forEach((text: string, at: number) => {
      expect([...cut(text, true)]).toEqual(pieces[at]);
    });
  });

  it.each([
    ['llama-bpe', "I'LL pay 12345$\n\n  ok", ['I', "'LL", ' pay', ' ', '123', '45', '$\n\n', ' ', ' ok']],
    ['qwen2', "I'LL pay 12345", ['I', "'LL", ' pay', ' ', '1', '2', '3', '4', '5']],
    ['gpt-4o', "McDonald's ÉCOLE 12345", ['Mc', "Donald's", ' ÉCOLE', ' ', '123', '45']],
    ['smollm', ' x12', [' x', '1', '2']],
    ['deepseek-v3', '漢字kana1234', ['漢字', 'kana', '123', '4']],
  ])('%s cuts %j as its model was trained', (name, text, pieces) => {
    expect([...createPreTokenizer(isolate(name))(text, true)]).toEqual(pieces);
  });

  it('puts a Metaspace prefix only before the first part where the scheme is "first"', () => {
    const cut = createPreTokenizer({ type: 'Metaspace', replacement: '▁', prepend_scheme: 'first', split: false });
    expect([...cut('a b', true)]).toEqual(['▁a▁b']);
    expect([...cut('a b', false)]).toEqual(['a▁b']);
  });

  it.each([
    ['an unknown step', { type: 'UnicodeScripts' }, 'UNSUPPORTED'],
    ['an unknown behavior', { type: 'Split', pattern: { String: 'x' }, behavior: 'Sideways' }, 'UNSUPPORTED'],
    ['a pattern that is none', { type: 'Split', pattern: { Regex: '(' }, behavior: 'Isolated' }, 'UNSUPPORTED'],
    ['a Split without a pattern', { type: 'Split', behavior: 'Isolated' }, 'CORRUPT'],
    ['a Sequence without steps', { type: 'Sequence' }, 'CORRUPT'],
    ['a text', 'ByteLevel', 'CORRUPT'],
  ])('refuses %s', (_, config, code) => {
    expect(() => createPreTokenizer(config)).toThrow(expect.objectContaining({ code }));
  });

  it('refuses a GGUF pre-tokenizer it does not know, by name', () => {
    expect(() => preTokenizerOf('klingon')).toThrow(
      expect.objectContaining({ code: 'UNSUPPORTED', message: expect.stringContaining('"klingon"') }),
    );
  });
});
