import type { Dialect, Found, ToolSignature, WrittenCall } from './dialect.js';
import { callOf } from './hermes.js';
import { afterSpace, endOfJson, jsonOf } from './json-value.js';
import { readPythonCalls } from './python-calls.js';

const TAG = '<|python_tag|>';

/**
 * `{"name": ..., "parameters": {...}}` as the whole answer, perhaps behind `<|python_tag|>`; several with `;` between.
 * Built-in tools are `name.call(key="value")` behind the tag. Llama 3.1 and later (meta-llama/llama-models,
 * models/llama3_1/prompt_format.md).
 */
export const LLAMA_3: Dialect = {
  reasoning: [],
  calls: [
    { open: TAG, last: '})', read: readTagged },
    { open: '{', last: '}', atStart: true, read: (body, final, tools) => readBare(body, final, tools) },
  ],
  specials: [TAG],
  begin: (name) => `{"name": "${name === null ? '' : `${name}", "parameters": `}`,
};

function readTagged(body: string, final: boolean): Found {
  const at = afterSpace(body, 0);
  if (at >= body.length) return 'more';
  if (body[at] === '{') return readObjects(body, at, final, null);
  const [builtin, name] = /^([\w.-]+)\.call\(/.exec(body.slice(at)) ?? [];
  if (builtin === undefined) return /^[\w.-]*$|^[\w.-]+\.call$/.test(body.slice(at)) && !final ? 'more' : 'bad';
  const end = endOfCall(body, at + builtin.length);
  if (end === null) return 'more';
  const calls = readPythonCalls(`${name}(${body.slice(at + builtin.length, end)}`);
  return calls ? { calls, length: end } : 'bad';
}

/** Behind the bracket that closes the call; quotes hide brackets. Null where it does not come. */
function endOfCall(body: string, from: number): number | null {
  let quote = '';
  for (let at = from; at < body.length; at++) {
    if (quote !== '' && body[at] === '\\') at++;
    else if (quote !== '') quote = body[at] === quote ? '' : quote;
    else if (body[at] === '"' || body[at] === "'") quote = body[at];
    else if (body[at] === ')') return at + 1;
  }
  return null;
}

/** Any JSON may be an answer, so the name has to be that of a tool. */
function readBare(body: string, final: boolean, tools: readonly ToolSignature[]): Found {
  if (!/^\s*("?|"\w*"?\s*:?.*)$/s.test(body)) return 'bad';
  const found = readObjects(`{${body}`, 0, final, tools);
  return typeof found === 'string' ? found : { ...found, length: found.length - 1 };
}

function readObjects(body: string, from: number, final: boolean, tools: readonly ToolSignature[] | null): Found {
  const calls: WrittenCall[] = [];
  let at = from;
  for (;;) {
    if (at < body.length && body[at] !== '{') return 'bad';
    const end = endOfJson(body, at);
    if (typeof end === 'string') return end;
    const call = callOf(jsonOf(body.slice(at, end)));
    if (!call || (tools && !tools.some(({ name }) => name === call.name))) return 'bad';
    calls.push(call);
    const behind = afterSpace(body, end);
    if (behind >= body.length) return final ? { calls, length: end } : 'more';
    if (body[behind] !== ';') return { calls, length: end };
    at = afterSpace(body, behind + 1);
    if (at >= body.length && final) return { calls, length: end };
  }
}
