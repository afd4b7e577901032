import { describe, expect, it } from 'vitest';
import { ChatWindow } from '../../../dist/src/cli/chat/chat-window.js';
import type { ChatMessage } from '../../../src/text/chat-template.js';

/** A token a character, and two for each message, as a template has them. */
const tokensOf = (messages: readonly ChatMessage[]) =>
  messages.reduce((sum, { content }) => sum + (content as string).length + 2, 0);

let counted = 0;
const windowOf = (contextSize: number) => {
  counted = 0;
  return new ChatWindow({
    contextSize,
    count: async (messages) => {
      counted += 1;
      return tokensOf(messages);
    },
  });
};

const user = (content: string) => ({ role: 'user', content });
const assistant = (content: string) => ({ role: 'assistant', content });
const system = { role: 'system', content: 'be kind' };
/** Turns of 20 tokens: 8 + 2 and 8 + 2. */
const turns = (count: number) =>
  Array.from({ length: count }, (_, i) => [user(`question`.slice(0, 7) + (i % 10)), assistant('answered')]).flat();

describe('the window of a conversation', () => {
  it('is all of it while an answer fits besides', async () => {
    const messages = [system, ...turns(3), user('and now?')];
    // 9 + 60 + 10 tokens, and a quarter of 106 for the answer.
    const { messages: fitted, left } = await windowOf(106).fit(messages);
    expect(fitted).toEqual(messages);
    expect([left, counted]).toEqual([0, 1]);
  });

  it('lets the oldest turns go, never the system message, until half of the context is used', async () => {
    const messages = [system, ...turns(3), user('and now?')];
    const { messages: fitted, left } = await windowOf(104).fit(messages);
    // 9 + 20 + 10 tokens: with one turn more it would be 59, more than 52.
    expect(fitted).toEqual([system, ...messages.slice(5)]);
    expect(left).toBe(2);
  });

  it('does not take back what has left, and says only what leaves now', async () => {
    const window = windowOf(104);
    const first = [system, ...turns(3), user('and now?')];
    await window.fit(first);
    const second = [...first, assistant('so so'), user('again')];
    const { messages, left } = await window.fit(second);
    expect(messages).toEqual([system, ...second.slice(5)]);
    expect(left).toBe(0);
    window.reset();
    expect((await window.fit(second)).left).toBe(3);
  });

  it('finds the turns of a long conversation in few counts', async () => {
    const messages = [system, ...turns(1000), user('and now?')];
    const { messages: fitted } = await windowOf(400).fit(messages);
    expect(tokensOf(fitted)).toBeLessThanOrEqual(200);
    expect(tokensOf(fitted)).toBeGreaterThan(180);
    expect(counted).toBeLessThan(15);
  });

  it('keeps as much room as the answer may have, where that is less than a quarter', async () => {
    const messages = [...turns(4), user('and now?')];
    // 90 tokens.
    expect((await windowOf(100).fit(messages, 10)).left).toBe(0);
    expect((await windowOf(100).fit(messages, 11)).left).toBeGreaterThan(0);
  });

  it('gives the last message alone all of the context, and refuses it beyond, with nothing changed', async () => {
    const window = windowOf(50);
    const fitting = user('x'.repeat(48));
    expect((await window.fit([...turns(1), fitting])).messages).toEqual([fitting]);
    const fresh = windowOf(50);
    await expect(fresh.fit([...turns(1), user('x'.repeat(49))])).rejects.toMatchObject({
      code: 'CONTEXT_OVERFLOW',
      message: expect.stringMatching(/^this message alone makes 51 tokens, .* context of 50/),
      details: { tokens: 51, contextSize: 50 },
    });
    expect((await fresh.fit([...turns(1), user('short')])).messages).toHaveLength(3);
  });

  it('counts an answer that is begun already', async () => {
    const messages = [...turns(2), user('go on')];
    // 47 tokens, and a quarter of 80.
    expect((await windowOf(80).fit(messages, undefined, 13)).left).toBe(0);
    // Then half of 80: with one turn it would be 27 and 14.
    expect((await windowOf(80).fit(messages, undefined, 14)).left).toBe(2);
    await expect(windowOf(80).fit(messages, undefined, 74)).rejects.toMatchObject({
      code: 'CONTEXT_OVERFLOW',
      message: expect.stringMatching(/^the answer and its message make 81 tokens/),
    });
  });

  it('keeps a message that stands before the first of the user with it', async () => {
    const messages = [assistant('hello'), user('hi'), assistant('x'.repeat(40)), user('next')];
    const { messages: fitted } = await windowOf(40).fit(messages);
    expect(fitted).toEqual([user('next')]);
  });
});
