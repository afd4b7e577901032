import type { Found, HeldPart, WrittenCall } from './dialect.js';
import { afterSpace, argumentsOf, endOfJson, isObject, jsonOf, markAt } from './json-value.js';

export const OPEN = '<tool_call>';
export const CLOSE = '</tool_call>';

/** A call as an object, held: `{"name": ..., "arguments": {...}}`. */
export const heldObject = (argumentsKey: 'arguments' | 'parameters', more: readonly HeldPart[] = []): HeldPart[] => [
  { json: '{ "name" : "' },
  { of: 'name' },
  { json: `" , "${argumentsKey}" : ` },
  { of: 'arguments' },
  ...more,
  { json: ' }' },
];

/** Objects, one or several, up to the closing mark. */
export function readJsonCalls(body: string, final: boolean): Found {
  const calls: WrittenCall[] = [];
  let at = afterSpace(body, 0);
  for (;;) {
    const closed = calls.length > 0 && markAt(body, at, CLOSE);
    if (closed === true) return { calls, length: at + CLOSE.length };
    if (closed === 'more') return final ? { calls, length: body.length } : 'more';
    if (at < body.length && body[at] !== '{') return 'bad';
    const end = endOfJson(body, at);
    if (end === 'more' || end === 'bad') return end;
    const call = callOf(jsonOf(body.slice(at, end)));
    if (!call) return 'bad';
    calls.push(call);
    at = afterSpace(body, end);
  }
}

/** A call of an object `{name, arguments}`; Llama says `parameters`. Null where it is none. */
export function callOf(value: unknown): WrittenCall | null {
  if (!isObject(value) || typeof value.name !== 'string' || value.name === '') return null;
  const given = argumentsOf(value.arguments ?? value.parameters);
  if (!given) return null;
  const id = typeof value.id === 'string' && value.id !== '' ? { id: value.id } : {};
  return { name: value.name, arguments: given, ...id };
}
