import type { Dialect, Found, HeldForm, HeldPart, WrittenCall } from './dialect.js';
import { afterSpace, argumentsOf, endOfJson, markAt } from './json-value.js';
import { readTaggedCalls, type Tags } from './tagged-calls.js';
import { THINK } from './think.js';

const token = (name: string) => `<\uff5c${name.replaceAll('_', '\u2581')}\uff5c>`;
const CALLS_BEGIN = token('tool_calls_begin');
const CALLS_END = token('tool_calls_end');
const CALL_BEGIN = token('tool_call_begin');
const CALL_END = token('tool_call_end');
const SEPARATOR = token('tool_sep');
export const DSML = '\uff5cDSML\uff5c';

const dsmlTags = (block: string): Tags => ({
  call: `<${DSML}invoke `,
  callEnd: `</${DSML}invoke>`,
  parameter: `<${DSML}parameter `,
  parameterEnd: `</${DSML}parameter>`,
  end: `</${DSML}${block}>`,
  nameOf(tag) {
    const [, name, isText] = /^\s*name="([^"]*)"(?:\s+string="(true|false)")?\s*$/.exec(tag) ?? [];
    if (name === undefined) return null;
    return isText === undefined ? { name } : { name, isText: isText === 'true' };
  },
});

/** The block's name in V3.2, and in V4. */
const BLOCKS = ['function_calls', 'tool_calls'];
const DSML_FORMS = BLOCKS.map((block) => {
  const tags = dsmlTags(block);
  return {
    open: `<${DSML}${block}>`,
    read: (...[body, final, tools]: Parameters<Dialect['calls'][number]['read']>) =>
      readTaggedCalls(tags, body, final, tools),
  };
});

/**
 * DeepSeek: calls between tokens of their own (R1, V3, V3.1), or as tags with the token DSML (V3.2, V4). From the
 * models' templates and deepseek-ai/DeepSeek-V3.2, encoding/README.md.
 */
export const DEEPSEEK: Dialect = {
  reasoning: [THINK],
  calls: [{ open: CALLS_BEGIN, read: readCalls }, ...DSML_FORMS],
  specials: [CALLS_BEGIN, CALLS_END, CALL_BEGIN, CALL_END, SEPARATOR, DSML, THINK.open, THINK.close],
  begin: () => null,
  held(template) {
    if (!template.includes(DSML)) return [heldForm(template.includes('```json'))];
    const [older, newer] = BLOCKS.map(heldDsml);
    return template.includes(`${DSML}${BLOCKS[1]}`) ? [newer, older] : [older, newer];
  },
};

const heldDsml = (block: string): HeldForm => ({
  open: `<${DSML}${block}>`,
  token: DSML,
  first: [{ text: '\n' }],
  call: [
    { mark: `<${DSML}invoke ` },
    { text: 'name="' },
    { of: 'name' },
    { text: '">\n' },
    {
      tagged: {
        key: [{ mark: `<${DSML}parameter ` }, { text: 'name="' }],
        value: [{ text: '" string="true">' }],
        json: [{ text: '" string="false">' }],
        before: [],
        end: `</${DSML}parameter>`,
        after: [{ text: '\n' }],
      },
    },
    { mark: `</${DSML}invoke>` },
  ],
  between: [{ text: '\n' }],
  close: [{ text: '\n' }, { mark: `</${DSML}${block}>` }],
});

/** Before V3.1 the arguments stand in a fence. */
function heldForm(isFenced: boolean): HeldForm {
  const called: HeldPart[] = isFenced
    ? [{ text: 'function' }, { mark: SEPARATOR }, { of: 'name' }, { text: '\n```json\n' }, { of: 'arguments' }]
    : [{ of: 'name' }, { mark: SEPARATOR }, { of: 'arguments' }];
  const end: HeldPart[] = [...(isFenced ? [{ text: '\n```' }] : []), { mark: CALL_END }];
  return {
    open: CALLS_BEGIN,
    call: [{ mark: CALL_BEGIN }, ...called, ...end],
    between: [{ json: ' ' }],
    close: [{ json: ' ' }, { mark: CALLS_END }],
  };
}

function readCalls(body: string, final: boolean): Found {
  const calls: WrittenCall[] = [];
  let at = 0;
  for (;;) {
    at = afterSpace(body, at);
    const closed = calls.length > 0 && markAt(body, at, CALLS_END);
    if (closed === true) return { calls, length: at + CALLS_END.length };
    if (closed === 'more' && final) return { calls, length: body.length };
    const begun = markAt(body, at, CALL_BEGIN);
    if (begun !== true) return begun === 'more' || closed === 'more' ? 'more' : 'bad';
    const read = readCall(body, at + CALL_BEGIN.length);
    if (typeof read === 'string') return read;
    calls.push(read.call);
    at = read.end;
  }
}

/** `NAME<sep>{...}<end>`, or as before V3.1 `function<sep>NAME\n```json\n{...}\n```<end>`. */
function readCall(body: string, from: number): { call: WrittenCall; end: number } | 'more' | 'bad' {
  const separator = body.indexOf(SEPARATOR, from);
  if (separator < 0) return body.length - from > 256 ? 'bad' : 'more';
  let name = body.slice(from, separator).trim();
  let at = separator + SEPARATOR.length;
  if (name === 'function' && body[afterSpace(body, at)] !== '{') {
    const fence = body.indexOf('```json', at);
    if (fence < 0) return body.length - at > 256 ? 'bad' : 'more';
    name = body.slice(at, fence).trim();
    at = fence + '```json'.length;
  }
  at = afterSpace(body, at);
  const end = endOfJson(body, at);
  if (typeof end === 'string') return end;
  const given = argumentsOf(body.slice(at, end));
  if (!given || name === '') return 'bad';
  const close = body.indexOf(CALL_END, end);
  if (close < 0) return 'more';
  if (!/^[\s`]*$/.test(body.slice(end, close))) return 'bad';
  return { call: { name, arguments: given }, end: close + CALL_END.length };
}
