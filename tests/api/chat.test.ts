import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTokenizer } from '../../dist/src/hub/open-tokenizer.js';
import { type ChatMessage, convertModel, loadModel, type Model } from '../../dist/src/index.js';
import type { Tokenizer } from '../../dist/src/text/tokenizer.js';
import { haveSharedData, sharedPath, withoutSharedData } from '../support/shared-data.js';
import { TALES } from '../support/shipped.js';

/** The shipped model has no template: a story, turn by turn, each ended by </s>. */
const template =
  "{{ bos_token }}{% for m in messages %}{% if m.role == 'tool' %}{{ raise_exception('no tools here') }}{% endif %}{{ m.content }}{{ eos_token }}{% endfor %}";
const user = (content: string): ChatMessage => ({ role: 'user', content });
const assistant = (content: string): ChatMessage => ({ role: 'assistant', content });

let model: Model;
let tokenizer: Tokenizer;
beforeAll(async () => {
  model = await loadModel(TALES, { contextSize: 256 });
  ({ tokenizer } = await openTokenizer(TALES));
});
afterAll(() => model.dispose());

const literal = (text: string) => tokenizer.encode(text, { addBos: false, addEos: false, parseSpecial: false });

describe('chat', () => {
  it('runs what the template renders, its BOS once', async () => {
    const opening = 'Once upon a time';
    const chat = await model.chat([user(opening)], { template, maxTokens: 12 }).result;
    const ids = [tokenizer.bosId!, ...literal(opening), tokenizer.eosIds[0]];
    const written = await model.generate(ids, { maxTokens: 12 }).result;
    expect(chat.tokens).toEqual(written.tokens);
    expect(chat.usage.prompt).toBe(ids.length);
  });

  it('takes a special token in a message for text', async () => {
    const content = 'Once</s> upon';
    const { usage } = await model.chat([user(content)], { template, maxTokens: 1 }).result;
    expect(usage.prompt).toBe(literal(content).length + 2);
  });

  it('prefills of the next turn only what is new', async () => {
    const messages = [user('Tom had a red ball.')];
    const first = await model.chat(messages, { template, maxTokens: 30, temperature: 1, seed: 3 }).result;
    const second = await model.chat([...messages, assistant(first.text), user('Then it rained.')], {
      template,
      maxTokens: 5,
    }).result;
    // The last token of an answer that was cut short has not been run.
    const run = first.usage.prompt + first.tokens.length - (first.finishReason === 'length' ? 1 : 0);
    expect(second.usage.cached).toBe(run);
    expect(second.usage.prompt).toBe(first.usage.prompt + first.tokens.length + literal('Then it rained.').length + 2);
  });

  it('answers the same with and without what it remembers', async () => {
    const messages = [user('Tom had a red ball.')];
    const { text } = await model.chat(messages, { template, maxTokens: 20 }).result;
    const next = [...messages, assistant(text), user('Then it rained.')];
    const warm = await model.chat(next, { template, maxTokens: 20 }).result;
    const other = await loadModel(TALES, { contextSize: 256 });
    try {
      const cold = await other.chat(next, { template, maxTokens: 20 }).result;
      expect(cold.usage.cached).toBe(0);
      expect(warm.text).toBe(cold.text);
    } finally {
      await other.dispose();
    }
  });

  it('keeps the ids of an answer though other conversations came between, and though nobody waited for its end', async () => {
    const opening = [user('Tom had a red ball.')];
    const generation = model.chat(opening, { template, maxTokens: 30, temperature: 1, seed: 3 });
    // Both are asked for, and encoded, before the first is answered.
    const [other, first] = await Promise.all([
      model.chat([user('A cat sat.')], { template, maxTokens: 4 }).result,
      generation.result,
    ]);
    const next = [...opening, assistant(first.text), user('Then it rained.')];
    const counted = await model.countTokens(next, { template });
    const own = first.usage.prompt + first.tokens.length + literal('Then it rained.').length + 2;
    expect(counted).toBe(own);
    expect((await model.chat(next, { template, maxTokens: 1 }).result).usage.prompt).toBe(own);
    const cat = [user('A cat sat.'), assistant(other.text), user('And')];
    expect(await model.countTokens(cat, { template })).toBe(
      other.usage.prompt + other.tokens.length + literal('And').length + 2,
    );
  });

  it('goes on after a message that was changed since', async () => {
    const first = await model.chat([user('Tom had a red ball.')], { template, maxTokens: 8 }).result;
    const { usage } = await model.chat([user('Tom had a red hat.'), assistant(first.text), user('And so')], {
      template,
      maxTokens: 1,
    }).result;
    expect(usage.cached).toBeLessThan(first.usage.prompt);
  });

  it('says what is missing, wrong, or refused by the template', async () => {
    await expect(model.chat([user('a')]).result).rejects.toMatchObject({
      code: 'UNSUPPORTED',
      message: expect.stringContaining('no chat template'),
    });
    await expect(model.chat([user('a')], { template: '{% if %}' }).result).rejects.toMatchObject({
      code: 'UNSUPPORTED',
    });
    await expect(model.chat([{ role: 'tool', content: 'a' }], { template }).result).rejects.toMatchObject({
      code: 'BAD_USAGE',
      message: expect.stringContaining('no tools here'),
    });
    for (const messages of [[], 'hello', [{ role: 'user' }], [null]])
      expect(() => model.chat(messages as never)).toThrowError(expect.objectContaining({ code: 'BAD_USAGE' }));
    expect(() => model.chat([user('a')], { temperature: -1 })).toThrowError(
      expect.objectContaining({ code: 'BAD_USAGE' }),
    );
  });
});

describe.runIf(haveSharedData)(
  `a Hugging Face folder's template and generation_config.json${withoutSharedData}`,
  () => {
    const folder = mkdtempSync(join(tmpdir(), 'flashrow-chat-'));
    afterAll(() => rmSync(folder, { recursive: true }));

    it('are used where options do not say otherwise', async () => {
      const source = join(folder, 'tales');
      cpSync(sharedPath('models/tales'), source, { recursive: true });
      const settings = JSON.parse(readFileSync(join(source, 'tokenizer_config.json'), 'utf8'));
      writeFileSync(join(source, 'tokenizer_config.json'), JSON.stringify({ ...settings, chat_template: template }));
      writeFileSync(
        join(source, 'generation_config.json'),
        JSON.stringify({
          do_sample: true,
          temperature: 0.7,
          top_p: 0.9,
          repetition_penalty: 1.1,
          eos_token_id: [2, 77],
        }),
      );
      const { store } = await convertModel(source, join(folder, 'store'));
      expect((await openTokenizer(store)).tokenizer.eosIds).toContain(77);
      const chatty = await loadModel(store, { contextSize: 64 });
      try {
        const drawn = { temperature: 0.7, topP: 0.9, topK: 50, repeatPenalty: 1.1 };
        expect(chatty.info.samplingDefaults).toEqual(drawn);
        const write = (options: object) =>
          chatty.chat([user('Once upon a time')], { maxTokens: 16, seed: 5, ...options }).result;
        const byDefault = await write({});
        expect((await write(drawn)).tokens).toEqual(byDefault.tokens);
        expect((await write({ temperature: 0, repeatPenalty: 1 })).tokens).not.toEqual(byDefault.tokens);
      } finally {
        await chatty.dispose();
      }
    });
  },
);
