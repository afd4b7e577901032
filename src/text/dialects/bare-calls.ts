import type { CallForm, Found, HeldPart, ToolSignature, WrittenCall } from './dialect.js';
import { callOf } from './json-calls.js';
import { afterSpace, endOfJson, isObject, jsonOf, markAt } from './json-value.js';

/**
 * An answer that begins with a call as JSON, without a mark. Llama 3 writes calls so, and small models of Qwen 2.5 that
 * leave out the mark. Any JSON may be an answer, so the name has to be that of a tool, with arguments.
 */
export const BARE_CALL: CallForm = {
  open: '{',
  last: '}',
  atStart: true,
  read(body, final, tools) {
    const at = afterSpace(body, 0);
    if (at < body.length && body[at] !== '"') return 'bad';
    const found = readObjects(`{${body}`, 0, final, tools);
    return typeof found === 'string' ? found : { ...found, length: found.length - 1 };
  },
};

export const FENCE = '```';

/**
 * A call in a fence of Markdown, as small models of Qwen 2.5 write it: the whole of the fence is one object, which
 * begins with the name of a tool. Any other fence is text.
 */
export const FENCED_CALL: CallForm = {
  open: `${FENCE}json`,
  last: FENCE,
  read(body, final, tools) {
    const at = afterSpace(body, 0);
    const begun = body.slice(at).replace(/\s+/g, '');
    const heads = tools.map(({ name }) => `{"name":"${name}"`);
    if (!heads.some((head) => head.startsWith(begun.slice(0, head.length)))) return 'bad';
    const end = endOfJson(body, at);
    if (typeof end === 'string') return end;
    const call = knownCall(body.slice(at, end), tools);
    const close = afterSpace(body, end);
    const closed = markAt(body, close, FENCE);
    if (!call || closed === false) return 'bad';
    if (closed === 'more' && !final) return 'more';
    return { calls: [call], length: closed === true ? close + FENCE.length : body.length };
  },
};

/** What stands between two of them, where they are held. */
export const SEPARATOR: readonly HeldPart[] = [{ json: ' ; ' }];

/** Calls as JSON, one or several, perhaps with `;` between. `tools` are those that it may be; null for any. */
export function readObjects(body: string, from: number, final: boolean, tools: readonly ToolSignature[] | null): Found {
  const calls: WrittenCall[] = [];
  let length = 0;
  let at = from;
  for (;;) {
    const end = endOfJson(body, at);
    if (end === 'more' && !(final && calls.length > 0)) return 'more';
    const call = typeof end === 'number' ? knownCall(body.slice(at, end), tools) : null;
    if (!call) return calls.length === 0 ? 'bad' : { calls, length };
    calls.push(call);
    length = end as number;
    const behind = afterSpace(body, length);
    if (behind >= body.length) return final ? { calls, length } : 'more';
    at = body[behind] === ';' ? afterSpace(body, behind + 1) : behind;
    if (at < body.length && body[at] !== '{') return { calls, length };
  }
}

function knownCall(text: string, tools: readonly ToolSignature[] | null): WrittenCall | null {
  const value = jsonOf(text);
  const call = callOf(value);
  if (!call || !tools) return call;
  const isWhole = isObject(value) && ('arguments' in value || 'parameters' in value);
  return isWhole && tools.some(({ name }) => name === call.name) ? call : null;
}
