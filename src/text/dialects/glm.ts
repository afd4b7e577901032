import type { Dialect, Found, ToolSignature } from './dialect.js';
import { afterSpace, markAt, putMember } from './json-value.js';
import { endOfValue } from './tagged-calls.js';
import { THINK } from './think.js';
import { typedValue } from './typed-value.js';

const OPEN = '<tool_call>';
const CLOSE = '</tool_call>';
const KEY = '<arg_key>';
const KEY_END = '</arg_key>';
const VALUE = '<arg_value>';
const VALUE_END = '</arg_value>';

/**
 * `<tool_call>NAME\n<arg_key>K</arg_key>\n<arg_value>V</arg_value>\n</tool_call>`. GLM 4.5 and later (the template of
 * zai-org/GLM-4.6).
 */
export const GLM: Dialect = {
  reasoning: [THINK],
  calls: [{ open: OPEN, read: readCall }],
  specials: [OPEN, CLOSE, KEY, KEY_END, VALUE, VALUE_END, THINK.open, THINK.close],
  begin: (name) => `${OPEN}${name === null ? '' : `${name}\n`}`,
  held: () => [
    {
      open: OPEN,
      call: [
        { of: 'name' },
        { json: ' ' },
        {
          tagged: {
            key: [{ mark: KEY }],
            value: [{ mark: KEY_END }, { json: ' ' }, { mark: VALUE }],
            before: [],
            end: VALUE_END,
            after: [{ json: ' ' }],
          },
        },
      ],
      close: [{ mark: CLOSE }],
    },
  ],
};

function readCall(body: string, final: boolean, tools: readonly ToolSignature[]): Found {
  const name = /^\s*([\w.-]*)/.exec(body)!;
  let at = afterSpace(body, name[0].length);
  if (at >= body.length && !(final && name[1] !== '')) return 'more';
  if (name[1] === '') return 'bad';
  const tool = tools.find((each) => each.name === name[1]);
  const given: Record<string, unknown> = {};
  for (;;) {
    at = afterSpace(body, at);
    const closed = markAt(body, at, CLOSE);
    if (closed === true) return { calls: [{ name: name[1], arguments: given }], length: at + CLOSE.length };
    if (closed === 'more' && final) return { calls: [{ name: name[1], arguments: given }], length: body.length };
    const keyed = markAt(body, at, KEY);
    if (keyed !== true) return keyed === 'more' || closed === 'more' ? 'more' : 'bad';
    const keyEnd = body.indexOf(KEY_END, at);
    if (keyEnd < 0) return 'more';
    const valueAt = afterSpace(body, keyEnd + KEY_END.length);
    const valued = markAt(body, valueAt, VALUE);
    if (valued !== true) return valued === 'more' ? 'more' : 'bad';
    const from = valueAt + VALUE.length;
    const end = endOfValue(body, from, VALUE_END, [KEY, CLOSE]);
    if (end === 'more') return 'more';
    const key = body.slice(at + KEY.length, keyEnd).trim();
    putMember(given, key, typedValue(body.slice(from, end), key, tool));
    at = end + VALUE_END.length;
  }
}
