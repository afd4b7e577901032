import { describe, expect, it } from 'vitest';
import type { AnswerPart } from '../../../dist/src/text/dialects/dialect.js';
import { answerReader, type DialectName, dialectOf } from '../../../dist/src/text/dialects/dialects.js';
import { LLAMA_CPP_TRANSCRIPTS } from './llama-cpp-transcripts.js';
import { TOOLS, TRANSCRIPTS, type Transcript } from './transcripts.js';

/** Neighbours of one type as one. */
function joined(parts: readonly AnswerPart[]): AnswerPart[] {
  const all: AnswerPart[] = [];
  for (const part of parts) {
    const last = all[all.length - 1];
    if (part.type !== 'tool-call' && last?.type === part.type)
      all[all.length - 1] = { ...part, text: last.text + part.text };
    else all.push(part);
  }
  return all;
}

function read(
  { dialect, prompt = '' }: Pick<Transcript, 'dialect' | 'prompt'>,
  pieces: readonly string[],
  tools = TOOLS,
) {
  const reader = answerReader(dialect, prompt, tools);
  return joined([...pieces.flatMap((piece) => reader.push(piece)), ...reader.end()]);
}

const textOf = (parts: readonly AnswerPart[]) => parts.map((part) => ('text' in part ? part.text : '')).join('');

const ALL = [...TRANSCRIPTS, ...LLAMA_CPP_TRANSCRIPTS];

describe.each(ALL)('$dialect: $source', (transcript) => {
  const { answer, parts } = transcript;

  it('is read as it is meant', () => {
    expect(read(transcript, [answer])).toEqual(parts);
  });

  it('is the same wherever it is cut', () => {
    for (let at = 1; at < answer.length; at++)
      expect(read(transcript, [answer.slice(0, at), answer.slice(at)]), `cut at ${at}`).toEqual(parts);
    expect(read(transcript, [...answer])).toEqual(parts);
  });

  it('loses no text where the answer ends early', () => {
    // What of an unfinished call is not a call is text, to the letter.
    for (let end = 0; end < answer.length; end++) {
      const whole = read(transcript, [answer.slice(0, end)]);
      expect(read(transcript, [...answer.slice(0, end)]), `ends at ${end}`).toEqual(whole);
      const isText = whole.every(({ type }) => type === 'text') && parts.every(({ type }) => type !== 'reasoning');
      if (transcript.dialect !== 'harmony' && isText) expect(textOf(whole)).toBe(answer.slice(0, end));
    }
  });
});

describe('what is no call', () => {
  const malformed: [DialectName, string][] = [
    ['hermes', 'a <tool_call> is a mark'],
    ['hermes', '<tool_call>\n{"name": "get_weather", "arguments": {"city": oops}}\n</tool_call>'],
    ['hermes', '<tool_call>\n{"name": "get_weather", "argum'],
    ['hermes', '{"name": "get_weather"}'],
    ['hermes', '{"name": "Paris", "arguments": {}}'],
    ['hermes', '{ a set }'],
    ['hermes', 'As JSON:\n```json\n{"name": "Paris", "arguments": {}}\n```'],
    ['hermes', '```json\n{"name": "get_weather"}\n```'],
    ['hermes', '```json\n{"name": "get_weather", "arguments": {}}, {}\n```'],
    ['hermes', '```json\n{"name": "get_weather", "arguments": {"city": "Par'],
    ['hermes', '```json\n["get_weather"]\n```'],
    ['hermes', '```js\n{"name": "get_weather", "arguments": {}}\n```'],
    ['qwen-xml', '<tool_call>\n<function=get_weather>\n<parameter=city>\nParis\n</function>'],
    ['qwen-xml', 'in C++, <function=other> is no tool'],
    ['gemma-4', '<|tool_call>call:get_weather{city:<|"|>Paris'],
    ['gemma-4', '<|tool_call>no call<tool_call|>'],
    ['mistral', '[TOOL_CALLS] is what begins a call'],
    ['mistral', '[TOOL_CALLS]get_weather[ARGS]{"city": '],
    ['deepseek', '<\uff5ctool\u2581calls\u2581begin\uff5c>nothing'],
    ['llama-3', '{"answer": 42}'],
    ['llama-3', '{"name": "no_tool", "parameters": {}}'],
    ['llama-3', 'The object {"name": "get_weather", "parameters": {}} is JSON'],
    ['llama-3', '<|python_tag|>print(1)'],
    ['glm', '<tool_call>get_weather\n<arg_key>city</arg_key>\nParis</tool_call>'],
    ['lfm2', '<|tool_call_start|>[f(a=)]<|tool_call_end|>'],
    ['minimax', '<minimax:tool_call>\n<invoke name="f">\n'],
    ['kimi', '<|tool_calls_section_begin|>nothing'],
    ['kimi', '<|tool_call_begin|>get_weather<|tool_call_argument_begin|>{}<|tool_call_end|>'],
    [
      'kimi',
      '<|tool_calls_section_begin|><|tool_call_begin|>functions.get_weather:0<|tool_call_argument_begin|>{"city": ',
    ],
    ['thinking', 'An answer may speak of <think> and </think>.'],
    ['hermes', '  two spaces, and <b>tags</b>  \n'],
  ];

  it.each(malformed)('%s: %j is text, to the letter', (dialect, answer) => {
    expect(read({ dialect }, [answer])).toEqual([{ type: 'text', text: answer }]);
    expect(read({ dialect }, [...answer])).toEqual([{ type: 'text', text: answer }]);
  });

  it('hides no call that follows it', () => {
    const answer = '<tool_call> is a mark. <tool_call>{"name": "get_weather", "arguments": {}}</tool_call>';
    expect(read({ dialect: 'hermes' }, [...answer])).toEqual([
      { type: 'text', text: '<tool_call> is a mark.' },
      { type: 'tool-call', call: { name: 'get_weather', arguments: {} } },
    ]);
  });

  it('is a call where no tools were given', () => {
    for (const { dialect, answer, prompt, parts } of ALL) {
      if (dialect === 'harmony') continue;
      const reader = answerReader(dialect, prompt ?? '', null);
      const read = [...reader.push(answer), ...reader.end()];
      expect(read.some(({ type }) => type === 'tool-call')).toBe(false);
      if (parts.every(({ type }) => type !== 'reasoning')) expect(textOf(read)).toBe(answer);
    }
  });

  it('stands before and behind a call in a fence', () => {
    const fence = '```json\n{"name": "get_weather", "arguments": {"city": "```"}}\n```';
    expect(read({ dialect: 'hermes' }, [...`Let me look.\n\n${fence}\nDone.`])).toEqual([
      { type: 'text', text: 'Let me look.' },
      { type: 'tool-call', call: { name: 'get_weather', arguments: { city: '```' } } },
      { type: 'text', text: 'Done.' },
    ]);
  });

  it('in a fence comes as it is written, once it names no tool', () => {
    const reader = answerReader('hermes', '', TOOLS);
    expect(textOf(reader.push('```json\n{"name": "get_w'))).toBe('');
    expect(textOf(reader.push('alked", '))).toBe('```json\n{"name": "get_walked",');
    expect(textOf(reader.push('"a": 1'))).toBe(' "a": 1');
  });

  it('comes as soon as nothing can make a mark of it', () => {
    const reader = answerReader('hermes', '', TOOLS);
    expect(textOf(reader.push('a < b'))).toBe('a < b');
    expect(textOf(reader.push(' <tool'))).toBe('');
    expect(textOf(reader.push('s>'))).toBe(' <tools>');
    expect(textOf(reader.push('<tool_call>x'))).toBe('<tool_call>x');
  });
});

describe('a dialect', () => {
  it('is chosen by what its template holds', () => {
    const templates: [string, DialectName | null][] = [
      ["{{ '<|start|>assistant<|channel|>final<|message|>' }}", 'harmony'],
      ["{{ '<tool_call>\\n<function=' + name }}", 'qwen-xml'],
      ["{{ '<tool_call>' + name + '<arg_key>' }}", 'glm'],
      ["{{ '<tool_call>' }}", 'hermes'],
      ["{{ '<|start_header_id|>' }}{{ '\"parameters\": ' }}", 'llama-3'],
      ["{{ '<|start_header_id|>' }}", null],
      ["{{ '<|tool_calls_section_begin|>' }}</think>", 'kimi'],
      ["{{ 'List of tools: [' }}", 'lfm2'],
      ["{{ '</think>' }}", 'thinking'],
      ['{{ messages[0].content }}', null],
    ];
    for (const [template, name] of templates) expect(dialectOf(template), template).toBe(name);
  });
});
