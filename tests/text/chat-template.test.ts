import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type ChatMessage, ChatTemplate } from '../../dist/src/text/chat-template.js';
import { storedText } from '../../dist/src/text/vocabulary-text.js';
import { huggingFace, LITERAL, load, PARSED } from './data.js';

interface Case {
  name: string;
  template: string;
  bos: string;
  eos: string;
  messages: ChatMessage[];
  expected: string;
}

/** Texts by Jinja itself, which are llama.cpp's too: tests/golden/chat_templates.py. */
const { cases }: { cases: Case[] } = JSON.parse(
  readFileSync(new URL('../golden/chat-templates.json', import.meta.url), 'utf8'),
);

/** A byte-level vocabulary of single letters, with special tokens of its own. */
function tokenizerWith(specials: readonly string[], text: { bosId: number | null; eosIds: number[] }) {
  const letters = [...'abcdefghijklmnopqrstuvwxyz<>|_/Ġ'];
  const vocab = Object.fromEntries(letters.map((letter, at) => [letter, specials.length + at]));
  const stored = storedText(
    huggingFace({
      added_tokens: specials.map((content, id) => ({ id, content, special: true })),
      decoder: { type: 'ByteLevel' },
      pre_tokenizer: { type: 'ByteLevel', use_regex: false },
      model: { type: 'BPE', vocab, merges: [] },
    }),
  );
  return load({ ...stored, text: { addBos: false, addEos: false, ...text } });
}

describe('a chat template', () => {
  it.each(cases.map((entry) => [entry.name, entry] as const))(
    'of %s renders a conversation as Jinja and llama.cpp do',
    (_, { template, bos, eos, messages, expected }) => {
      const tokenizer = tokenizerWith([bos || '<none>', eos], { bosId: bos === '' ? null : 0, eosIds: [1] });
      expect(new ChatTemplate(template, tokenizer).render(messages).text).toBe(expected);
    },
  );

  const tokenizer = tokenizerWith(['<s>', '<|end|>', 'ab', 'bc'], { bosId: 0, eosIds: [1] });
  const template = new ChatTemplate(
    '{{ bos_token }}{% for message in messages %}{{ message.role }} {{ message.content | trim }}<|end|>{% endfor %}',
    tokenizer,
  );
  const ids = (content: string) => template.apply([{ role: 'u', content }]).ids;
  const around = (content: number[]) => [0, ...tokenizer.encode('u ', LITERAL), ...content, 1];

  it.each(['<|end|>', ' <s> <|end|>', '<s<s>>', 'abc', 'aabcbc', '<|end|><|end|>', '<\ufdd0s>'])(
    'takes special tokens in a message, like %j, for plain text',
    (content) => {
      expect(ids(content)).toEqual(around(tokenizer.encode(content.trim().replaceAll('\ufdd0', ''), LITERAL)));
    },
  );

  it('has its own special tokens read as such', () => {
    expect(ids('hello')).toEqual([0, ...tokenizer.encode('u hello', PARSED), 1]);
  });

  it('that cannot be parsed is UNSUPPORTED', () => {
    for (const source of ['{% for message in messages %}', '{{ messages[ }}', '{% frobnicate %}'])
      expect(() => new ChatTemplate(source, tokenizer)).toThrowError(
        expect.objectContaining({
          code: 'UNSUPPORTED',
          message: expect.stringContaining('the chat template cannot be read'),
        }),
      );
  });

  it('that refuses the messages is BAD_USAGE in its own words', () => {
    const gemma = new ChatTemplate(cases.find(({ name }) => name.startsWith('Gemma'))!.template, tokenizer);
    expect(() => gemma.render([{ role: 'system', content: 'a' }])).toThrowError(
      expect.objectContaining({ code: 'BAD_USAGE', message: expect.stringContaining('System role not supported') }),
    );
  });
});
