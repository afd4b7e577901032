import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { AnswerWriter } from '../../../dist/src/engine/answer-writer.js';
import { tableBytes } from '../../../dist/src/engine/sampling/table-bytes.js';
import { Constraint } from '../../../dist/src/grammar/constraint.js';
import type { ResponseFormat } from '../../../dist/src/grammar/response-format.js';
import type { Schema } from '../../../dist/src/grammar/schema-values.js';
import { isAllowed, TokenTable } from '../../../dist/src/grammar/token-table.js';
import type { ToolSignature } from '../../../dist/src/text/dialects/dialect.js';
import { type DialectName, type HeldAnswer, heldForms } from '../../../dist/src/text/dialects/dialects.js';
import { heldGrammar } from '../../../dist/src/text/held/held-grammar.js';
import { SchemaMaker, TREE } from '../../grammar/schema-maker.js';
import { BYTES } from '../../grammar/support.js';
import { random as randomOf } from '../../support/random.js';

/* Tokens are drawn at random from what the masks allow. Ajv says which calls are valid. */

const deepseek = (name: string) => `<\uff5c${name.replaceAll('_', '\u2581')}\uff5c>`;
/** Control tokens of all dialects; one that a dialect does not know is no text. */
const CONTROLS = [
  ...['<tool_call>', '</tool_call>', '<think>', '</think>', '<|python_tag|>', '[TOOL_CALLS]', '[ARGS]', '[CALL_ID]'],
  ...['tool_calls_begin', 'tool_calls_end', 'tool_call_begin', 'tool_call_end', 'tool_sep'].map(deepseek),
  ...['<|tool_calls_section_begin|>', '<|tool_calls_section_end|>', '<|tool_call_begin|>', '<|tool_call_end|>'],
  ...['<|tool_call_argument_begin|>', '<|start|>', '<|channel|>', '<|message|>', '<|constrain|>', '<|call|>'],
  ...[
    '<|end|>',
    '<arg_key>',
    '</arg_key>',
    '<arg_value>',
    '</arg_value>',
    '<minimax:tool_call>',
    '</minimax:tool_call>',
  ],
  ...['<|tool_call>', '<tool_call|>', '<|"|>', '<|tool_call_start|>', '<|tool_call_end|>', '\uff5cDSML\uff5c'],
  '<|im_end|>',
];
const PIECES = ['</parameter>', '<parameter=', 'get_', 'weather', '<function=', '\n</', 'json', 'functions.', ' to='];
const WORDS = [...BYTES.slice(0, -1), ...PIECES.map((text) => new TextEncoder().encode(text))];
const spelling = {
  eosIds: [WORDS.length + CONTROLS.length - 1],
  suppressedIds: [],
  bytes: (id: number) => WORDS[id] ?? new Uint8Array(0),
  token: (id: number) => CONTROLS[id - WORDS.length] ?? '',
};
const SIZE = WORDS.length + CONTROLS.length;
const table = new TokenTable(SIZE, (id) => tableBytes(id, spelling));
/** A control token among the words. */
const control = (name: string) => tableBytes(WORDS.length + CONTROLS.indexOf(name), spelling);
const channels = { start: -1, channel: -1, message: -1, end: -1 } as never;

/** An answer drawn at random; null where it did not end. */
function drawn(
  dialect: DialectName,
  held: HeldAnswer,
  random: () => number,
  format: ResponseFormat = { type: 'text' },
  most = 700,
) {
  const { answer } = heldGrammar(held, format);
  const constraint = new Constraint(answer, table);
  expect(constraint.take(Buffer.from(held.begun))).toBe(true);
  const form = { dialect, tools: held.tools, begun: dialect === 'harmony' ? '' : held.begun, held };
  const writer = new AnswerWriter(
    [],
    { stop: [], spelling, channels: dialect === 'harmony' ? channels : null, form },
    () => {},
  );
  for (let step = 0; step < most; step++) {
    const mask = constraint.allowed();
    const ids = Array.from({ length: SIZE }, (_, id) => id).filter((id) => isAllowed(mask, id));
    // Where something has to come, nothing ends the answer before.
    if (!constraint.complete && !writer.reasons) expect(ids).not.toContain(spelling.eosIds[0]);
    // A call without a mark is read once it is known that nothing follows.
    const isBare = held.forms !== 'channels' && held.forms[0].open === '';
    const mayEnd = constraint.complete && (format.type !== 'text' || isBare || writer.toolCalls.length > 0);
    if (mayEnd && (ids.length === 0 || random() < 0.1 + step / 200)) {
      writer.pushEnd(spelling.eosIds[0], 0);
      writer.end(0);
      return writer;
    }
    const closing = ids.filter(
      (id) => id >= WORDS.length || /^["}\]]+$|^<\/par/.test(Buffer.from(WORDS[id]).toString()),
    );
    const from = closing.length > 0 && random() < 0.15 + step / 300 ? closing : ids;
    const id = from[Math.floor(random() * from.length)];
    // A dialect's reasoning is free, and ends the same way; in channels the grammar holds it.
    if (writer.reasons && held.forms !== 'channels') {
      writer.push(ids.find((each) => spelling.token(each) === '</think>') ?? id);
      continue;
    }
    if (!constraint.take(tableBytes(id, spelling))) throw new Error(`an allowed token was refused: ${id}`);
    writer.push(id);
  }
  return null;
}

const heldOf = (dialect: DialectName, template: string, tools: ToolSignature[], must: boolean): HeldAnswer => ({
  ...{ forms: heldForms(dialect, template)!, tools, must, once: false, begun: '' },
});

const JSON_DIALECTS: [DialectName, string][] = [
  ['hermes', ''],
  ['mistral', '[TOOL_CALLS]'],
  ['mistral', '[TOOL_CALLS][ARGS]'],
  ['deepseek', ''],
  ['deepseek', '```json'],
  ['llama-3', ''],
  ['kimi', ''],
  ['gemma-4', ''],
];

/** Whether all calls name a tool, and keep its schema. */
function expectValid(writer: AnswerWriter, tools: readonly ToolSignature[]): void {
  const ajv = new Ajv2020({ strict: false, validateFormats: false });
  for (const call of writer.toolCalls) {
    const tool = tools.find(({ name }) => name === call.name);
    const said = `${JSON.stringify(tool?.parameters)}\n${JSON.stringify(call)}`;
    expect(tool, said).toBeDefined();
    if (tool!.parameters) expect(ajv.validate(tool!.parameters, call.arguments), said).toBe(true);
    else expect(call.arguments).toEqual({});
  }
}

/** Where a call has to come, others may follow, and nothing else. */
function expectCallsAlone(writer: AnswerWriter): void {
  expect(writer.toolCalls.length).toBeGreaterThan(0);
  expect(writer.text).toBe('');
}

/** Whether the schemas of tools are kept. Bounds may cross, so that nothing is valid: such a schema is wrong. */
function isKept(held: HeldAnswer): boolean {
  try {
    return heldGrammar(held, { type: 'text' }).warnings.length === 0;
  } catch (error) {
    expect(error).toMatchObject({ code: 'BAD_USAGE', message: expect.stringContaining('no value is valid') });
    return false;
  }
}

describe.each(JSON_DIALECTS)('calls in %s, of a template with "%s"', (dialect, template) => {
  it('keep the schemas of their tools, whatever the schemas and the tokens', () => {
    const random = randomOf(dialect.length + template.length);
    const maker = new SchemaMaker(random);
    let calls = 0;
    for (let i = 0; i < 8; i++) {
      const schema = { ...maker.object(2), $defs: { tree: TREE } };
      const tools = [
        { name: 'get_weather', parameters: schema },
        { name: 'get', parameters: null },
      ];
      const held = heldOf(dialect, template, tools, true);
      if (!isKept(held)) continue;
      for (let draw = 0; draw < 3; draw++) {
        const writer = drawn(dialect, held, random);
        if (!writer) continue;
        expectCallsAlone(writer);
        expectValid(writer, tools);
        calls += writer.toolCalls.length;
      }
    }
    expect(calls).toBeGreaterThan(8);
  });

  it('may stand beside a format, and nothing else may', () => {
    const random = randomOf(9);
    const tools = [{ name: 'f', parameters: { type: 'object', properties: { x: { enum: [1, 2] } }, required: ['x'] } }];
    const format: ResponseFormat = { type: 'json_schema', schema: { type: 'array', items: { enum: ['a'] } } };
    const seen = new Set<string>();
    for (let i = 0; i < 30; i++) {
      const writer = drawn(dialect, heldOf(dialect, template, tools, false), random, format);
      if (!writer) continue;
      expectValid(writer, tools);
      seen.add(writer.toolCalls.length > 0 ? 'calls' : 'format');
      if (writer.toolCalls.length === 0) expect(JSON.parse(writer.text)).toBeInstanceOf(Array);
      else expect(writer.text.trim()).toBe('');
    }
    expect(seen).toEqual(new Set(['calls', 'format']));
  });
});

it.each([
  ['lfm2', ''],
  ['deepseek', '\uff5cDSML\uff5cfunction_calls'],
  ['deepseek', '\uff5cDSML\uff5ctool_calls'],
] as const)('calls in %s, of a template with "%s", keep what their parameters are', (dialect, template) => {
  const random = randomOf(dialect.length + template.length);
  const maker = new SchemaMaker(random);
  let calls = 0;
  for (let i = 0; i < 7; i++) {
    const properties = { one: maker.schema(2), two: maker.schema(1), free: true };
    const parameters = { type: 'object', properties, required: ['one'], $defs: { tree: TREE } };
    const tools: ToolSignature[] = [
      { name: 'get_weather', parameters },
      { name: '3d', parameters: null },
    ];
    const held = heldOf(dialect, template, tools, true);
    if (!isKept(held)) continue;
    for (let draw = 0; draw < 2; draw++) {
      const writer = drawn(dialect, held, random);
      if (!writer) continue;
      expectCallsAlone(writer);
      expectValid(writer, tools);
      calls += writer.toolCalls.length;
    }
  }
  expect(calls).toBeGreaterThan(4);
});

const TAGGED_TOOL: ToolSignature = {
  name: 'search',
  parameters: {
    type: 'object',
    properties: {
      query: { type: 'string' },
      unit: { enum: ['celsius', 'kelvin'] },
      count: { type: 'integer', minimum: 1, maximum: 30 },
      tags: { type: 'array', items: { type: 'string', maxLength: 4 }, maxItems: 3 },
      exact: { type: 'boolean' },
      either: { type: ['string', 'null'] },
      at: { type: 'object', properties: { x: { type: 'number' } }, required: ['x'] },
    },
    required: ['query', 'count', 'at'],
    additionalProperties: false,
  },
  strict: true,
};

it.each(['qwen-xml', 'glm', 'minimax', 'lfm2', 'gemma-4'] as const)(
  'calls with a strict schema keep it: %s',
  (dialect) => {
    const random = randomOf(dialect.length);
    const tools = [TAGGED_TOOL, { name: 'get', parameters: null }];
    const held = heldOf(dialect, '', tools, true);
    expect(heldGrammar(held, { type: 'text' }).warnings).toEqual([]);
    let calls = 0;
    for (let i = 0; i < 40; i++) {
      const writer = drawn(dialect, held, random);
      if (!writer) continue;
      expectCallsAlone(writer);
      expectValid(writer, tools);
      calls += writer.toolCalls.filter(({ name }) => name === 'search').length;
    }
    expect(calls).toBeGreaterThan(8);
  },
);

it('a call is held where the model chooses to make one, and all else is text', () => {
  const random = randomOf(77);
  const tools = [{ name: 'f', parameters: { type: 'object', properties: { x: { enum: [1, 2] } }, required: ['x'] } }];
  const held = { ...heldOf('hermes', '', tools, false) };
  const constraint = () => new Constraint(heldGrammar(held, { type: 'text' }).answer, table);
  const takes = (...parts: (string | Uint8Array)[]) => {
    const keeps = constraint();
    return parts.every((part) => keeps.take(typeof part === 'string' ? Buffer.from(part) : part)) && keeps.complete;
  };
  const mark = control;
  const call = '\n{"name": "f", "arguments": {"x": 1}}\n';
  expect(takes('a <tool> is no {"name": "g"} call')).toBe(true);
  expect(takes(mark('<|im_end|>'), 'x')).toBe(true);
  for (const [open, close] of [
    ['<tool_call>', '</tool_call>'],
    [mark('<tool_call>'), mark('</tool_call>')],
  ]) {
    expect(takes('Well: ', open, call, close, ' and ', open, call, close)).toBe(true);
    expect(takes(open, call)).toBe(false);
    expect(takes(open, call.replace('1', '3'), close)).toBe(false);
    expect(takes(open, call.replace('"f"', '"g"'), close)).toBe(false);
  }
  // Without marks it is one where it begins the answer, and its name is that of a tool.
  expect(takes('{"name": "f", "arguments": {"x": 2}}')).toBe(true);
  expect(takes('{ "name":\n"f"')).toBe(false);
  expect(takes('{"name": "f", "arguments": {"x": 3}}')).toBe(false);
  expect(takes('{"name": "fred", "arguments": {"x": 3}}')).toBe(true);
  expect(takes('{"name": "<tool_call>', call, '</tool_call>')).toBe(true);
  expect(takes('A {"name": "f"} is no call')).toBe(true);
  // Nor does a fence need one, wherever it stands; others are text.
  const fenced = (json: string) => takes(`So:\n\`\`\`json\n${json}\n\`\`\`, and that is all`);
  expect(fenced('{"name": "f", "arguments": {"x": 2}}')).toBe(true);
  expect(fenced('{"name": "f", "arguments": {"x": 3}}')).toBe(false);
  expect(fenced('{"name": "f", "arguments": {"x": 2}}, {}')).toBe(false);
  expect(fenced('{"name": "g", "arguments": {"x": 3}}')).toBe(true);
  expect(fenced('{"x": ["<tool_call>"]}')).toBe(false);
  expect(fenced('[{"name": "f"}]')).toBe(true);
  for (let i = 0; i < 30; i++) {
    const writer = drawn('hermes', held, random);
    if (writer) expectValid(writer, tools);
  }
});

it('behind a call that had to come stand calls alone, each well begun', () => {
  const tools = [{ name: 'f', parameters: { type: 'object', properties: { x: { enum: [1, 2] } }, required: ['x'] } }];
  const takes = (held: HeldAnswer, ...parts: string[]) => {
    const keeps = new Constraint(heldGrammar(held, { type: 'text' }).answer, table);
    return parts.every((part) => keeps.take(CONTROLS.includes(part) ? control(part) : Buffer.from(part)))
      ? keeps.complete
      : null;
  };
  const held = heldOf('hermes', '', tools, true);
  const call = ['<tool_call>', '\n{"name": "f", "arguments": {"x": 1}}\n', '</tool_call>'];
  expect(takes(held, ...call)).toBe(true);
  expect(takes(held, ...call, '\n')).toBe(true);
  expect(takes(held, ...call, '\n', ...call, ...call)).toBe(true);
  expect(takes(held, ...call, '\n', '<tool_call>')).toBe(false);
  for (const other of ['{', '\n{"name"', '</tool_call>', ' and', '```json', '<think>'])
    expect(takes(held, ...call, other), other).toBe(null);
  expect(takes({ ...held, once: true }, ...call, ...call)).toBe(null);
  const llama = heldOf('llama-3', '', tools, true);
  const bare = '{"name": "f", "parameters": {"x": 1}}';
  expect(takes(llama, bare, '\n')).toBe(true);
  expect(takes(llama, `${bare}; ${bare}`)).toBe(true);
  expect(takes(llama, `${bare} and`)).toBe(null);
});

it.each(['hermes', 'qwen-xml', 'glm', 'minimax', 'lfm2', 'kimi', 'gemma-4', 'harmony'] as const)(
  'a schema that is wrong is refused, strict or not: %s',
  (dialect) => {
    for (const [schema, said] of [
      [{ type: 'objekt' }, /type "objekt" is none of/],
      [{ type: 'string', pattern: '(' }, /no regular expression/],
      [{ type: 'integer', minimum: 5, maximum: 4 }, /no value is valid/],
      [{ type: 'integer', minimum: '5' }, /minimum is a number, not "5"/],
      [{ type: 'string', minLength: -1 }, /minLength is a whole number from 0/],
    ] as const) {
      const tools = [{ name: 'f', parameters: { type: 'object', properties: { a: schema }, required: ['a'] } }];
      for (const must of [true, false])
        expect(() => heldGrammar(heldOf(dialect, '', tools, must), { type: 'text' })).toThrow(
          expect.objectContaining({ code: 'BAD_USAGE', message: expect.stringMatching(said) }),
        );
    }
  },
);

it('a schema that cannot be kept is refused where it has to, and else told', () => {
  const parameters = { type: 'object', properties: { a: { type: 'array', uniqueItems: true } } };
  const grammarOf = (dialect: DialectName, tool: ToolSignature) =>
    heldGrammar(heldOf(dialect, '', [tool], true), { type: 'text' });
  expect(grammarOf('hermes', { name: 'f', parameters }).warnings).toEqual([
    expect.stringMatching(/calls may not keep their schema: .*"f".*uniqueItems/),
  ]);
  // What is left is any JSON object.
  const loose = heldOf('hermes', '', [{ name: 'f', parameters }], true);
  const writers = Array.from({ length: 10 }, (_, seed) => drawn('hermes', loose, randomOf(seed)));
  expect(writers.flatMap((writer) => writer?.toolCalls ?? []).length).toBeGreaterThan(0);
  expect(() => grammarOf('hermes', { name: 'f', parameters, strict: true })).toThrow(
    expect.objectContaining({ code: 'UNSUPPORTED', details: { option: 'tools' } }),
  );
  const pattern: Schema = { type: 'object', properties: { a: { type: 'string', pattern: '^a' } } };
  expect(grammarOf('qwen-xml', { name: 'f', parameters: pattern as never }).warnings).toEqual([
    expect.stringMatching(/"f".*"a" is written as a bare text, of which pattern/),
  ]);
  expect(grammarOf('hermes', { name: 'f', parameters: pattern as never }).warnings).toEqual([]);
});

it('calls in channels keep their schemas', () => {
  const random = randomOf(5);
  const tools = [{ ...TAGGED_TOOL }, { name: 'get', parameters: null }];
  const held = heldOf('harmony', '', tools, true);
  let calls = 0;
  for (let i = 0; i < 40; i++) {
    const writer = drawn('harmony', held, random);
    if (!writer) continue;
    expect(writer.toolCalls.length).toBe(1);
    expectValid(writer, tools);
    calls++;
  }
  expect(calls).toBeGreaterThan(15);
});

describe('a format in channels', () => {
  const tools = [{ name: 'f', parameters: { type: 'object', properties: { x: { enum: [1, 2] } }, required: ['x'] } }];
  const format: ResponseFormat = { type: 'json_schema', schema: { type: 'array', items: { enum: ['a'] } } };
  const final = '<|channel|>final<|message|>["a"]';
  const call = '<|channel|>commentary to=functions.f <|constrain|>json<|message|>{"x": 1}<|call|>';

  /** Whether an answer may be one; marks are control tokens. */
  const takes = (answer: string, held: HeldAnswer) => {
    const keeps = new Constraint(heldGrammar(held, format).answer, table);
    const parts = answer.split(/(<\|\w+\|>)/).filter((part) => part !== '');
    return parts.every((part) => keeps.take(/^<\|/.test(part) ? control(part) : Buffer.from(part))) && keeps.complete;
  };
  const alone = heldOf('harmony', '', [], false);

  it('is kept on the channel of the answer, behind reasoning', () => {
    expect(takes(final, alone)).toBe(true);
    expect(takes('<|channel|>final <|constrain|>json<|message|>["a", "a"]', alone)).toBe(true);
    const thought = '<|channel|>analysis<|message|>It is <b> & "a".<|end|><|start|>assistant';
    expect(takes(`${thought}${thought}${final}`, alone)).toBe(true);
    for (const answer of [
      '["a"]',
      thought,
      `${thought}${final}`.replace('"a"]', '"b"]'),
      `${thought.replace('<|end|>', '<|call|>')}${final}`,
      `<|channel|>commentary<|message|>Well.<|end|><|start|>assistant${final}`,
      `${final}<|end|><|start|>assistant${final}`,
      call,
    ])
      expect(takes(answer, alone), answer).toBe(false);
  });

  it('is kept, or there is a call', () => {
    const held = heldOf('harmony', '', tools, false);
    const thought = '<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant';
    for (const answer of [final, call, thought + final, thought + call]) expect(takes(answer, held), answer).toBe(true);
    expect(takes(call.replace('1', '3'), held)).toBe(false);
    const random = randomOf(3);
    const seen = new Set<string>();
    for (let i = 0; i < 60; i++) {
      const writer = drawn('harmony', held, random, format);
      if (!writer) continue;
      expectValid(writer, tools);
      seen.add(writer.toolCalls.length > 0 ? 'calls' : 'format');
      if (writer.toolCalls.length === 0) expect(JSON.parse(writer.text)).toBeInstanceOf(Array);
      else expect(writer.text).toBe('');
    }
    expect(seen).toEqual(new Set(['calls', 'format']));
  });
});
