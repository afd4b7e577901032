import type { Dialect, HeldPart } from './dialect.js';
import { CLOSE, OPEN, readJsonCalls } from './json-calls.js';
import { afterSpace } from './json-value.js';
import { readTaggedCalls, type Tags } from './tagged-calls.js';
import { THINK } from './think.js';

const TAGS: Tags = {
  call: '<function=',
  callEnd: '</function>',
  parameter: '<parameter=',
  parameterEnd: '</parameter>',
  end: CLOSE,
  nameOf: (tag) => (/^[^<>\s"'=]+$/.test(tag) ? { name: tag } : null),
};

/**
 * `<tool_call>\n<function=NAME>\n<parameter=KEY>\nVALUE\n</parameter>\n</function>\n</tool_call>`. Qwen3-Coder, Qwen
 * 3.5 and later, Nemotron 3 (the template of Qwen/Qwen3-Coder-30B-A3B-Instruct). These models leave out `<tool_call>`
 * at times, and some write JSON within it.
 */
export const QWEN_XML: Dialect = {
  reasoning: [THINK],
  calls: [
    {
      open: OPEN,
      read: (body, final, tools) =>
        body[afterSpace(body, 0)] === '{' ? readJsonCalls(body, final) : readTaggedCalls(TAGS, body, final, tools),
    },
    {
      open: TAGS.call,
      read(body, final, tools) {
        const name = /^[^<>\s"'=]*/.exec(body)![0];
        if (name.length < body.length && !tools.some((tool) => tool.name === name)) return 'bad';
        const bare = `${TAGS.call}${body}`;
        const found = readTaggedCalls({ ...TAGS, end: null }, bare, final, tools);
        if (typeof found === 'string') return found;
        return { ...found, length: found.length - TAGS.call.length };
      },
    },
  ],
  specials: [OPEN, CLOSE, THINK.open, THINK.close],
  begin: (name) => `${OPEN}\n${TAGS.call}${name === null ? '' : `${name}>\n`}`,
  held: () => [
    { open: OPEN, call: [{ json: ' ' }, { text: TAGS.call }, ...HELD_CALL], close: [{ json: ' ' }, { mark: CLOSE }] },
  ],
};

const HELD_CALL: readonly HeldPart[] = [
  { of: 'name' },
  { text: '>\n' },
  {
    tagged: {
      key: [{ text: TAGS.parameter }],
      value: [{ text: '>\n' }],
      before: [{ text: '\n' }],
      end: TAGS.parameterEnd,
      after: [{ text: '\n' }],
    },
  },
  { text: TAGS.callEnd },
];
