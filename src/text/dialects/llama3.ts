import { BARE_CALL, readObjects, SEPARATOR } from './bare-calls.js';
import type { Dialect, Found } from './dialect.js';
import { heldObject } from './json-calls.js';
import { afterSpace } from './json-value.js';
import { readPythonCalls } from './python-calls.js';

const TAG = '<|python_tag|>';

/**
 * `{"name": ..., "parameters": {...}}` as the whole answer, perhaps behind `<|python_tag|>`; several with `;` between.
 * Built-in tools are `name.call(key="value")` behind the tag. Llama 3.1 and later (meta-llama/llama-models,
 * models/llama3_1/prompt_format.md).
 */
export const LLAMA_3: Dialect = {
  reasoning: [],
  calls: [{ open: TAG, last: '})', read: readTagged }, BARE_CALL],
  specials: [TAG],
  begin: (name) => `{"name": "${name === null ? '' : `${name}", "parameters": `}`,
  held: () => [
    { open: '', call: heldObject('parameters'), between: SEPARATOR, close: [] },
    { open: TAG, call: [{ json: ' ' }, ...heldObject('parameters')], between: SEPARATOR, close: [] },
  ],
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
