import { FlashrowError } from '../errors.js';
import type { ChatMessage } from './chat-message.js';
import { mark } from './jinja/marks.js';
import { Dict, Parts, toValue, type Value } from './jinja/values.js';
import { GUARD } from './user-text.js';

/** A user's text, marked as such, without guards of its own. */
const userText = (text: string): string => mark(text.replaceAll(GUARD, ''));

/** The messages as the template sees them. `parts` are the contents that are lists there, by message. */
export function messageValues(
  messages: readonly ChatMessage[],
  joined: ReadonlySet<number>,
): { values: Value; parts: Map<number, Parts> } {
  const parts = new Map<number, Parts>();
  const values = messages.map((message, at) => {
    const { content } = message;
    const fields = Object.entries(message)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]): [Value, Value] => {
        if (name !== 'content' || !Array.isArray(content)) return [userText(name), fieldValue(name, value)];
        if (joined.has(at)) return ['content', userText(content.map(({ text }) => text).join(''))];
        const list = Parts.from<Value>(content.map((part) => toValue(part, userText))) as Parts;
        parts.set(at, list);
        return ['content', list];
      });
    return new Dict(fields);
  });
  return { values, parts };
}

/** A role that is a word may be a part of a token that the template puts together, like `<|user|>`. */
const fieldValue = (name: string, value: unknown): Value =>
  name === 'role' && typeof value === 'string' && /^[\p{L}\p{N}_ -]*$/u.test(value) ? value : toValue(value, userText);

/** Throws BAD_USAGE where the conversation itself would be replaced, or a value is none that JSON has. */
export function givenVariables(variables: Readonly<Record<string, unknown>>): [string, Value][] {
  return Object.entries(variables)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => {
      if (name === 'messages')
        throw new FlashrowError('BAD_USAGE', '`templateVariables` cannot hold messages, which are given as such', {
          option: 'templateVariables',
        });
      return [name, toValue(value, userText)];
    });
}
