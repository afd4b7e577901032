import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTokenizer } from '../../dist/src/hub/open-tokenizer.js';
import { type ChatMessage, loadModel, type Model } from '../../dist/src/index.js';
import { haveSharedData, sharedPath, withoutSharedData } from '../support/shared-data.js';
import { keepBusy, PROMPT, TALES } from '../support/shipped.js';

const template = '{{ bos_token }}{% for m in messages %}{{ m.content }}{{ eos_token }}{% endfor %}';
const user = (content: string): ChatMessage => ({ role: 'user', content });

let model: Model;
beforeAll(async () => {
  model = await loadModel(TALES, { contextSize: 512 });
});
afterAll(() => model.dispose());

describe('what concerns text', () => {
  it('is answered while the engine is at work, ahead of a call that waits', async () => {
    const order: string[] = [];
    const note = async (name: string, promise: Promise<unknown>) => {
      await promise.catch(() => {});
      order.push(name);
    };
    const { free } = keepBusy(model);
    const waiting = note('waiting', model.generate(PROMPT, { maxTokens: 1 }).result);
    await note('tokenize', model.tokenize('a cat'));
    await note('detokenize', model.detokenize([300]));
    await note('countTokens', model.countTokens([user('x')], { template }));
    await note('applyTemplate', model.applyTemplate([user('x')], { template }));
    const failed = (code: string, promise: Promise<unknown>) =>
      note(code, expect(promise).rejects.toMatchObject({ code }));
    await failed('CONTEXT_OVERFLOW', model.generate('a cat '.repeat(600)).result);
    await failed('UNSUPPORTED', model.chat([user('x')]).result);
    await failed('BAD_USAGE', model.generate([99_999]).result);
    await failed('BAD_USAGE', model.logprobs([99_999], 1));
    await failed('CONTEXT_OVERFLOW', model.evaluate([[1, 2], new Array(513).fill(5)]));
    expect(model.pending).toBe(1);
    await free();
    await waiting;
    expect(order).toEqual([
      ...['tokenize', 'detokenize', 'countTokens', 'applyTemplate'],
      ...['CONTEXT_OVERFLOW', 'UNSUPPORTED', 'BAD_USAGE', 'BAD_USAGE', 'CONTEXT_OVERFLOW', 'waiting'],
    ]);
  });

  it('of megabytes lets others pass', async () => {
    const order: string[] = [];
    const note = (name: string, promise: Promise<unknown>) => promise.then(() => order.push(name));
    const long = 'a cat sat. '.repeat(40_000);
    const calls = [
      note('a long text', model.tokenize(long)),
      note('a long conversation', model.countTokens([user(long)], { template })),
      note('a short one', model.tokenize('a cat')),
    ];
    await Promise.all(calls);
    expect(order[0]).toBe('a short one');
  });

  it('counts what a generation counts', async () => {
    const messages = [user('Once</s> upon'), user('a time')];
    const { usage } = await model.chat(messages, { template, maxTokens: 1 }).result;
    expect(await model.countTokens(messages, { template })).toBe(usage.prompt);
    expect(await model.countTokens(PROMPT)).toBe((await model.generate(PROMPT, { maxTokens: 1 }).result).usage.prompt);
    expect(await model.countTokens(PROMPT, { addSpecial: false })).toBe((await model.countTokens(PROMPT)) - 1);
  });

  it('takes messages of an interface that names no other fields, and either kind of input', async () => {
    interface Message {
      role: 'user' | 'assistant';
      content: string;
    }
    const messages: Message[] = [{ role: 'user', content: 'x' }];
    expect(await model.applyTemplate(messages, { template: '{{ messages[0].content }}' })).toBe('x');
    const input: string | Message[] = PROMPT as string | Message[];
    expect(await model.countTokens(input)).toBe(await model.countTokens(PROMPT));
  });

  it('fills in a template as it would be read', async () => {
    const { tokenizer } = await openTokenizer(TALES);
    const [bos, eos] = [tokenizer.token(tokenizer.bosId!), tokenizer.token(tokenizer.eosIds[0])];
    expect(await model.applyTemplate([user(`one ${eos}`), user('two')], { template })).toBe(
      `${bos}one ${eos}${eos}two${eos}`,
    );
    await expect(model.applyTemplate([user('x')])).rejects.toMatchObject({ code: 'UNSUPPORTED' });
    expect(model.info.chatTemplate).toBe(null);
  });
});

describe.skipIf(!haveSharedData)(`special tokens in a text${withoutSharedData}`, () => {
  let stories: Model;
  beforeAll(async () => {
    stories = await loadModel(sharedPath('models/stories260K/stories260K.gguf'), { memory: '64MB', contextSize: 64 });
  });
  afterAll(() => stories.dispose());

  // Llama's vocabulary: <s> is 1, </s> is 2, and BOS goes before a text.
  it('are text unless asked for, for tokenize and generate alike', async () => {
    const [plain, parsed] = [await stories.tokenize('</s>'), await stories.tokenize('</s>', { parseSpecial: true })];
    expect(parsed).toEqual([1, 2]);
    expect(await stories.tokenize('</s>', { addSpecial: false, parseSpecial: true })).toEqual([2]);
    expect(plain[0]).toBe(1);
    expect(plain).not.toContain(2);
    const prompt = async (options: object) => {
      const { usage, tokens } = await stories.generate('</s>Once', { maxTokens: 8, ...options }).result;
      return { prompt: usage.prompt, tokens };
    };
    for (const options of [{}, { parseSpecial: true }]) {
      const ids = await stories.tokenize('</s>Once', options);
      const { usage, tokens } = await stories.generate(ids, { maxTokens: 8 }).result;
      expect(await prompt(options)).toEqual({ prompt: usage.prompt, tokens });
      expect(usage.prompt).toBe(ids.length);
    }
  });
});
