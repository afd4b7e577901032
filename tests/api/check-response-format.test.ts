import { describe, expect, it } from 'vitest';
import { checkResponseFormat } from '../../dist/src/api/checks/check-response-format.js';
import { checkToolChoice, checkTools } from '../../dist/src/api/checks/check-tools.js';

const HALF = '\ud83d';

const said = (check: () => void): string => {
  try {
    check();
  } catch (error) {
    expect(error).toMatchObject({ code: 'BAD_USAGE' });
    return (error as Error).message;
  }
  throw new Error('nothing was refused');
};

describe('a format that is none says what is wrong with it', () => {
  it.each<[unknown, ...string[]]>([
    ['json', '"json"', 'an object with a `type`'],
    [{ choices: ['a'] }, 'has no `type`', '"json_schema"'],
    [{ type: 'nope' }, '"nope"', '"text", "json_object", "json_schema", "choice" or "regex"'],
    [{ type: 'constructor' }, '"constructor"', '"text", '],
    [{ type: 'json_schema' }, '"json_schema" needs the field `schema`'],
    [{ type: 'json_schema', schema: '{}' }, '`responseFormat.schema` is a JSON Schema', '"{}"'],
    [{ type: 'regex' }, '"regex" needs the field `pattern`'],
    [{ type: 'regex', pattern: 1 }, '`responseFormat.pattern` is the text of a regular expression, not 1'],
    [{ type: 'json_object', x: 1 }, '"json_object" has a field "x"; it takes no other field'],
    [{ type: 'regex', pattern: 'a', flags: 'i' }, 'a field "flags"; beside `type` it takes `pattern` alone'],
    [{ type: 'choice' }, '"choice" needs the field `choices`'],
    [{ type: 'choice', choices: [] }, '`responseFormat.choices` is an empty list'],
    [{ type: 'choice', choices: 'a' }, '`responseFormat.choices` is a list of texts, not "a"'],
    [{ type: 'choice', choices: ['a', ''] }, '`responseFormat.choices[1]` is an empty text'],
    [{ type: 'choice', choices: [1, 2] }, '`responseFormat.choices[0]` is a text, not 1'],
    [{ type: 'choice', choices: ['a', `b${HALF}`] }, '`responseFormat.choices[1]` holds a lone surrogate', '\\ud83d'],
    [{ type: 'regex', pattern: `^${HALF}$` }, '`responseFormat.pattern` holds a lone surrogate'],
  ])('%j', (format, ...words) => {
    const message = said(() => checkResponseFormat(format));
    for (const word of words) expect(message).toContain(word);
    if (typeof format === 'object') expect(message).not.toContain('not an object');
  });

  it.each<[unknown]>([
    [{ type: 'text' }],
    [{ type: 'json_object', schema: undefined }],
    [{ type: 'json_schema', schema: false }],
    [{ type: 'choice', choices: ['😀', 'a'] }],
    [{ type: 'regex', pattern: '^😀$' }],
  ])('%j is one', (format) => {
    expect(() => checkResponseFormat(format)).not.toThrow();
  });
});

describe('a schema', () => {
  const nested = (depth: number): object => (depth === 0 ? {} : { items: nested(depth - 1) });
  const schemaOf = (schema: object) => () => checkResponseFormat({ type: 'json_schema', schema });

  it('is nested only so deep', () => {
    expect(schemaOf(nested(90))).not.toThrow();
    const cyclic: { items?: object } = {};
    cyclic.items = cyclic;
    for (const schema of [nested(101), nested(5000), cyclic])
      expect(said(schemaOf(schema))).toBe(
        'the parts of `responseFormat.schema` are nested more than 100 deep, or hold themselves',
      );
  });

  it('is what JSON has', () => {
    for (const schema of [{ a: { maximum: Infinity } }, { a: () => 1 }, { a: new Map() }, { a: 1n }])
      expect(said(schemaOf(schema))).toContain('responseFormat.schema.a');
  });
});

describe('the parameters of a tool', () => {
  const check = (parameters: object) => () =>
    checkTools([{ type: 'function', function: { name: 'f', parameters: { ...parameters } } }]);

  it.each<[object, string]>([
    [{ type: 'array' }, '"array"'],
    [{ type: ['string', 'null'] }, '["string", "null"]'],
    [{ type: 5 }, '5'],
  ])('%j are no object', (parameters, shown) => {
    expect(said(check(parameters))).toBe(
      `tools[0].function.parameters.type is "object", as the arguments of a call are one, not ${shown}`,
    );
  });

  it.each([[{}], [{ type: 'object' }], [{ type: ['object', 'null'] }], [{ anyOf: [{}] }]])(
    '%j may be',
    (parameters) => {
      expect(check(parameters)).not.toThrow();
    },
  );
});

describe('a choice of tools that is none says what is wrong with it', () => {
  const tools = ['get_weather', 'get_time'].map((name) => ({ type: 'function' as const, function: { name } }));

  it.each<[unknown, typeof tools, ...string[]]>([
    [{ name: 'nope' }, tools, 'asks for the tool "nope"', '["get_weather", "get_time"]'],
    [{ name: 'nope' }, [], 'asks for the tool "nope"', '`tools` has none'],
    [{ type: 'function' }, tools, '`toolChoice.name` is the name of a tool', 'get_weather'],
    ['any', tools, '"auto", "none", "required" or { name }, not "any"'],
    ['required', [], '"required", but `tools` has none'],
  ])('%j', (choice, given, ...words) => {
    const message = said(() => checkToolChoice(choice, given));
    for (const word of words) expect(message).toContain(word);
  });
});
