import type { Dialect, Found, HeldPart, WrittenCall } from './dialect.js';
import { afterSpace, argumentsOf, endOfJson, markAt } from './json-value.js';
import { THINK } from './think.js';

const SECTION = '<|tool_calls_section_begin|>';
const SECTION_END = '<|tool_calls_section_end|>';
const CALL = '<|tool_call_begin|>';
const ARGUMENT = '<|tool_call_argument_begin|>';
const CALL_END = '<|tool_call_end|>';

/**
 * `<|tool_calls_section_begin|><|tool_call_begin|>functions.NAME:0<|tool_call_argument_begin|>{...}<|tool_call_end|>...
 * <|tool_calls_section_end|>`. Kimi K2, whose calls have ids that count up (moonshotai/Kimi-K2-Instruct,
 * docs/tool_call_guidance.md). Kimi K2 Thinking calls in the midst of its reasoning, and leaves out the marks of the
 * section and of the end at times (ggml-org/llama.cpp, tests/test-chat.cpp).
 */
export const KIMI: Dialect = {
  reasoning: [{ ...THINK, endsBefore: [SECTION, CALL] }],
  calls: [
    { open: SECTION, read: (body, final) => readCalls(body, final, SECTION_END) },
    {
      open: CALL,
      last: '>}',
      read(body, final) {
        const found = readCalls(CALL + body, final, null);
        return typeof found === 'string' ? found : { ...found, length: found.length - CALL.length };
      },
    },
  ],
  specials: [SECTION, SECTION_END, CALL, ARGUMENT, CALL_END, THINK.open, THINK.close],
  begin: (name) => `${SECTION}${CALL}functions.${name === null ? '' : `${name}:`}`,
  held: () => [
    {
      open: SECTION,
      call: [{ mark: CALL }, ...HELD_CALL],
      between: [{ json: ' ' }],
      close: [{ json: ' ' }, { mark: SECTION_END }],
    },
    { open: CALL, call: HELD_CALL, close: [] },
  ],
};

const HELD_CALL: readonly HeldPart[] = [
  { text: 'functions.' },
  { of: 'name' },
  { text: ':' },
  { of: 'number' },
  { mark: ARGUMENT },
  { of: 'arguments' },
  { mark: CALL_END },
];

/** Calls up to `end`; without one, up to what is no call. */
function readCalls(body: string, final: boolean, end: string | null): Found {
  const calls: WrittenCall[] = [];
  let length = 0;
  for (;;) {
    const at = afterSpace(body, length);
    const ended = calls.length > 0 && end !== null && markAt(body, at, end);
    if (ended === true) return { calls, length: at + end!.length };
    if (calls.length > 0 && final && at >= body.length) return { calls, length: body.length };
    const begun = markAt(body, at, CALL);
    if (ended === 'more' || begun === 'more') return calls.length > 0 && final ? { calls, length } : 'more';
    if (!begun) return calls.length > 0 ? { calls, length } : 'bad';
    const read = readCall(body, at + CALL.length, final);
    if (read === 'more' && final && calls.length > 0) return { calls, length };
    if (typeof read === 'string') return read;
    calls.push(read.call);
    length = read.end;
  }
}

/** `functions.NAME:0<|tool_call_argument_begin|>{...}`, and the mark of its end. */
function readCall(body: string, from: number, final: boolean): { call: WrittenCall; end: number } | 'more' | 'bad' {
  const argument = body.indexOf(ARGUMENT, from);
  if (argument < 0) return final || body.length - from > LONGEST_HEAD ? 'bad' : 'more';
  const id = body.slice(from, argument).trim();
  const name = /^(?:functions\.)?([\w.-]+):\d+$/.exec(id)?.[1];
  const begin = afterSpace(body, argument + ARGUMENT.length);
  const end = endOfJson(body, begin);
  if (name === undefined || end === 'bad') return 'bad';
  if (end === 'more') return final ? 'bad' : 'more';
  const given = argumentsOf(body.slice(begin, end));
  if (!given) return 'bad';
  const call = { name, arguments: given, id };
  const closed = markAt(body, afterSpace(body, end), CALL_END);
  if (closed === 'more') return final ? { call, end } : 'more';
  return { call, end: closed ? afterSpace(body, end) + CALL_END.length : end };
}

const LONGEST_HEAD = 256;
