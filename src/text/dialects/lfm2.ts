import type { Dialect, Found, WrittenCall } from './dialect.js';
import { callOf, heldObject } from './json-calls.js';
import { afterSpace, jsonOf } from './json-value.js';
import { readPythonCalls } from './python-calls.js';
import { THINK } from './think.js';

const OPEN = '<|tool_call_start|>';
const CLOSE = '<|tool_call_end|>';

/**
 * `<|tool_call_start|>[f(a=1, b='x')]<|tool_call_end|>`, or a list in JSON where the system prompt asks for it. LFM2,
 * LFM2.5 (docs.liquid.ai, "Tool Use").
 */
export const LFM2: Dialect = {
  reasoning: [THINK],
  calls: [{ open: OPEN, read: readCalls }],
  specials: [OPEN, CLOSE, THINK.open, THINK.close],
  begin: (name) => `${OPEN}[${name === null ? '' : `${name}(`}`,
  held: () => [
    {
      open: OPEN,
      first: [{ text: '[' }],
      call: [{ of: 'name' }, { text: '(' }, { of: 'keywords' }, { text: ')' }],
      between: [{ json: ', ' }],
      close: [{ text: ']' }, { mark: CLOSE }],
    },
    {
      open: OPEN,
      first: [{ json: ' [ ' }],
      call: heldObject('arguments'),
      between: [{ json: ' , ' }],
      close: [{ json: ' ] ' }, { mark: CLOSE }],
    },
  ],
};

function readCalls(body: string, final: boolean): Found {
  const at = afterSpace(body, 0);
  if (at < body.length && body[at] !== '[' && body[at] !== '{') return 'bad';
  let close = body.indexOf(CLOSE);
  if (close < 0 && final) close = body.length;
  // A value may hold the mark as text: the list has to be whole.
  for (; close >= 0; close = body.indexOf(CLOSE, close + 1)) {
    const calls = listOf(body.slice(0, close).trim());
    if (calls) return { calls, length: Math.min(body.length, close + CLOSE.length) };
    if (close === body.length) break;
  }
  return final ? 'bad' : 'more';
}

function listOf(text: string): WrittenCall[] | null {
  const json = jsonOf(text);
  if (json !== undefined) {
    const calls = (Array.isArray(json) ? json : [json]).map(callOf);
    return calls.length === 0 || calls.includes(null) ? null : (calls as WrittenCall[]);
  }
  return text.startsWith('[') && text.endsWith(']') ? readPythonCalls(text.slice(1, -1)) : null;
}
