import type { Dialect, Found, HeldPart, WrittenCall } from './dialect.js';
import { callOf, heldObject } from './json-calls.js';
import { afterSpace, argumentsOf, endOfJson, jsonOf, markAt } from './json-value.js';

const OPEN = '[TOOL_CALLS]';
const ARGUMENTS = '[ARGS]';
const ID = '[CALL_ID]';

/**
 * `[TOOL_CALLS][{"name": ..., "arguments": {...}}]` (up to Mistral Small 3.1), `[TOOL_CALLS]name[ARGS]{...}` (later,
 * one for each call; Small 3.2 with `[CALL_ID]`), `[THINK]...[/THINK]`. mistralai/mistral-common, docs: tokenizers v3,
 * v11, v13.
 */
export const MISTRAL: Dialect = {
  reasoning: [{ open: '[THINK]', close: '[/THINK]' }],
  calls: [{ open: OPEN, last: ']}', read: readCalls }],
  specials: [OPEN, ARGUMENTS, ID, '[THINK]', '[/THINK]'],
  begin: () => null,
  // Templates that write the mark of arguments are of the later models.
  held: (template) =>
    template.includes(ARGUMENTS) || template.includes(ID)
      ? [{ open: OPEN, call: NAMED, between: [{ mark: OPEN }], close: [] }]
      : [{ open: OPEN, call: LISTED, between: [{ json: ' , ' }], close: [{ json: ' ]' }], first: [{ json: ' [ ' }] }],
};

const NAMED: readonly HeldPart[] = [
  { of: 'name' },
  { optional: [{ mark: ID }, { of: 'id' }] },
  { mark: ARGUMENTS },
  { json: ' ' },
  { of: 'arguments' },
];
const LISTED = heldObject('arguments', [{ optional: [{ json: ' , "id" : "' }, { of: 'id' }, { text: '"' }] }]);

function readCalls(body: string): Found {
  const at = afterSpace(body, 0);
  if (at >= body.length) return 'more';
  return body[at] === '[' ? readList(body, at) : readNamed(body, at);
}

function readList(body: string, at: number): Found {
  const first = afterSpace(body, at + 1);
  if (first < body.length && body[first] !== '{') return 'bad';
  const end = endOfJson(body, at);
  if (typeof end === 'string') return end;
  const list = jsonOf(body.slice(at, end));
  const calls = Array.isArray(list) ? list.map(callOf) : [];
  if (calls.length === 0 || calls.includes(null)) return 'bad';
  return { calls: calls as WrittenCall[], length: end };
}

function readNamed(body: string, from: number): Found {
  const name = /^[\w.-]*/.exec(body.slice(from))![0];
  let at = from + name.length;
  let id: string | undefined;
  if (name === '') return 'bad';
  if (at >= body.length) return 'more';
  const numbered = markAt(body, at, ID);
  if (numbered === true) {
    const given = /^\w*/.exec(body.slice(at + ID.length))![0];
    at += ID.length + given.length;
    id = given;
  }
  const begun = markAt(body, at, ARGUMENTS);
  if (begun === 'more' || numbered === 'more') return 'more';
  if (begun === true) at += ARGUMENTS.length;
  at = afterSpace(body, at);
  if (at < body.length && body[at] !== '{') return 'bad';
  const end = endOfJson(body, at);
  if (typeof end === 'string') return end;
  const given = argumentsOf(body.slice(at, end));
  if (!given) return 'bad';
  return { calls: [{ name, arguments: given, ...(id ? { id } : {}) }], length: end };
}
