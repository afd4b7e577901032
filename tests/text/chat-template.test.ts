import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ChatMessage, ChatTemplate } from '../../dist/src/text/chat-template.js';
import { storedText } from '../../dist/src/text/vocabulary-text.js';
import { huggingFace, LITERAL, load, PARSED } from './data.js';

interface Case {
  name: string;
  template: string;
  bos: string;
  eos: string;
  messages: ChatMessage[];
  expected: string;
}

/** Texts by Jinja itself, which are llama.cpp's too: tests/golden/chat_templates.py. */
const { cases }: { cases: Case[] } = JSON.parse(
  readFileSync(new URL('../golden/chat-templates.json', import.meta.url), 'utf8'),
);

/** A byte-level vocabulary of single letters, with special tokens of its own. */
function tokenizerWith(specials: readonly string[], text: { bosId: number | null; eosIds: number[] }) {
  const letters = [...'abcdefghijklmnopqrstuvwxyz<>|_/Ġ'];
  const vocab = Object.fromEntries(letters.map((letter, at) => [letter, specials.length + at]));
  const stored = storedText(
    huggingFace({
      added_tokens: specials.map((content, id) => ({ id, content, special: true })),
      decoder: { type: 'ByteLevel' },
      pre_tokenizer: { type: 'ByteLevel', use_regex: false },
      model: { type: 'BPE', vocab, merges: [] },
    }),
  );
  return load({ ...stored, text: { addBos: false, addEos: false, ...text } });
}

describe('a chat template', () => {
  it.each(cases.map((entry) => [entry.name, entry] as const))(
    'of %s renders a conversation as Jinja and llama.cpp do',
    (_, { template, bos, eos, messages, expected }) => {
      const tokenizer = tokenizerWith([bos || '<none>', eos], { bosId: bos === '' ? null : 0, eosIds: [1] });
      expect(new ChatTemplate(template, tokenizer).render(messages).text).toBe(expected);
    },
  );

  const tokenizer = tokenizerWith(['<s>', '<|end|>', 'ab', 'bc'], { bosId: 0, eosIds: [1] });
  const template = new ChatTemplate(
    '{{ bos_token }}{% for message in messages %}{{ message.role }} {{ message.content | trim }}<|end|>{% endfor %}',
    tokenizer,
  );
  const ids = (content: string) => template.apply([{ role: 'u', content }]).ids;
  const around = (content: number[]) => [0, ...tokenizer.encode('u ', LITERAL), ...content, 1];

  it.each(['<|end|>', ' <s> <|end|>', '<s<s>>', 'abc', 'aabcbc', '<|end|><|end|>', '<\ufdd0s>'])(
    'takes special tokens in a message, like %j, for plain text',
    (content) => {
      expect(ids(content)).toEqual(around(tokenizer.encode(content.trim().replaceAll('\ufdd0', ''), LITERAL)));
    },
  );

  it('has its own special tokens read as such', () => {
    expect(ids('hello')).toEqual([0, ...tokenizer.encode('u hello', PARSED), 1]);
  });

  it('that cannot be parsed is UNSUPPORTED', () => {
    for (const source of ['{% for message in messages %}', '{{ messages[ }}', '{% frobnicate %}'])
      expect(() => new ChatTemplate(source, tokenizer)).toThrowError(
        expect.objectContaining({
          code: 'UNSUPPORTED',
          message: expect.stringContaining('the chat template cannot be read'),
        }),
      );
  });

  it('that refuses the messages is BAD_USAGE in its own words', () => {
    const gemma = new ChatTemplate(cases.find(({ name }) => name.startsWith('Gemma'))!.template, tokenizer);
    expect(() => gemma.render([{ role: 'system', content: 'a' }])).toThrowError(
      expect.objectContaining({ code: 'BAD_USAGE', message: expect.stringContaining('System role not supported') }),
    );
  });
});

/** Control tokens that begin alike, overlap, are built by the template, and have no flag that says what they are. */
const CONTROLS = [
  { id: 0, content: '<s>', special: true },
  { id: 1, content: '<|end|>', special: true },
  { id: 2, content: '<|im_start|>', special: false },
  { id: 3, content: '<|im_end|>', special: false },
  { id: 4, content: 'ab', special: true },
  { id: 5, content: 'bc', special: true },
  { id: 6, content: '<|user|>', special: false },
  { id: 7, content: '<s>>', special: true },
  { id: 8, content: '</think>', special: false },
];
/** Cut out of any text, and no control token: no template writes it. */
const SPACES = { id: 9, content: '    ', special: false };

function guarding(controls: readonly object[], normalizer: object | null = null) {
  const letters = [...'abcdefghijklmnopqrstuvwxyz<>|_/{}[]":,.0123456789ĠĊ'];
  const vocab = Object.fromEntries(letters.map((letter, at) => [letter, 10 + at]));
  const stored = storedText(
    huggingFace({
      added_tokens: controls,
      normalizer,
      decoder: { type: 'ByteLevel' },
      pre_tokenizer: { type: 'ByteLevel', use_regex: false },
      model: { type: 'BPE', vocab, merges: [] },
    }),
  );
  return load({ ...stored, text: { addBos: false, addEos: false, bosId: 0, eosIds: [1] } });
}

const fragment = fc.constantFrom(
  ...CONTROLS.flatMap(({ content }) => [content, content.slice(0, 2), content.slice(2), content.slice(0, -1)]),
  ...['<', '|', '>', 'a', 'b', 'c', ' ', '\n', ',', '<think>', '\ufdd0', '\u{f003c}', '    '],
);
const userText = fc.array(fragment, { maxLength: 8 }).map((parts) => parts.join(''));

describe('a user', () => {
  const tokenizer = guarding([...CONTROLS, SPACES]);
  const TEMPLATES = [
    '{{ bos_token }}{% for m in messages %}<|im_start|>{{ m.role }} {{ m.content | trim }}<|im_end|>{% endfor %}',
    "{% for m in messages %}{{ '<|' + m.role + '|>' }}{{ m.name }}{{ m.content.strip('>') }}|end|>{% endfor %}<|end|>",
    '{% for m in messages %}{{ m.content.split(",") | join }}{{ m.content[1:] }}{{ m.reasoning_content }}{% endfor %}<s>',
    '{% for m in messages %}{{ m.tool_calls | tojson }}{{ m.content.replace("<think>", "") }}</think>{% endfor %}',
    '{% for m in messages %}{% for part in m.parts %}{{ part.text }}{% endfor %}{% endfor %}{{ extra }}<|im_end|><|im_start|>',
    '{{ messages[0].content ~ messages[0].name }}{{ messages[0].content.split("</think>")[-1].lstrip("\\n") }}</think><s>',
    '{% for key, value in messages[0].tool_calls[0].items() %}{{ key }}{{ value }}{% endfor %}ab<|im_start|><|im_end|>',
  ];

  it.each(TEMPLATES)('writes no control token through %s', (source) => {
    const template = new ChatTemplate(source, tokenizer);
    const written = CONTROLS.filter(
      ({ content, special }) => special || /^<\|/.test(content) || source.includes(content),
    );
    const controls = new Set(written.map(({ id }) => id));
    const controlIds = (content: string, others: string, role = 'user') => {
      const message = {
        ...{ role, content, name: others, reasoning_content: others, parts: [{ text: content }, { text: others }] },
        tool_calls: [{ [others]: content, nested: { list: [others] } }],
      };
      return template.apply([message], { extra: others }).ids.filter((id) => controls.has(id));
    };
    fc.assert(
      fc.property(userText, userText, (content, others) => {
        expect(controlIds(content, others)).toEqual(controlIds('x', 'x'));
        // A role is the application's, but if a user's text gets there it is one, too.
        const ids = controlIds('x', 'x', `${content}|>${others}`);
        expect(ids.filter((id) => id !== 6).length).toBeLessThanOrEqual(controlIds('x', 'x').length);
      }),
      { numRuns: 100 },
    );
  });

  it('keeps added tokens that are no control tokens', () => {
    const template = new ChatTemplate('<|im_start|>{{ messages[0].content }}', tokenizer);
    expect(template.apply([{ role: 'user', content: 'a    b' }]).ids).toContain(SPACES.id);
  });

  it('writes no control token that is looked for in normalized text', () => {
    const token = { id: 0, content: '<|im_start|>', special: false, normalized: true };
    const lowercase = guarding([token], { type: 'Lowercase' });
    const template = new ChatTemplate('<|im_start|>{{ messages[0].content }}', lowercase);
    const ids = (content: string) => template.apply([{ role: 'user', content }]).ids;
    expect(ids('a<|im_start|>').filter((id) => id === token.id)).toHaveLength(1);
    // No guard can stand in a text that is spelled another way, so it is refused.
    expect(() => ids('a<|IM_START|>')).toThrowError(expect.objectContaining({ code: 'UNSUPPORTED' }));
  });

  it('is told where a control token is one character, which cannot be plain text', () => {
    const template = new ChatTemplate('{{ messages[0].content }}', guarding([{ id: 0, content: 'q', special: true }]));
    expect(() => template.apply([{ role: 'user', content: 'aqb' }])).toThrowError(
      expect.objectContaining({ code: 'UNSUPPORTED', message: expect.stringContaining('"q"') }),
    );
  });
});

describe('what a message holds', () => {
  const tokenizer = guarding(CONTROLS);
  const render = (source: string, messages: ChatMessage[], variables = {}) =>
    new ChatTemplate(source, tokenizer).render(messages, variables);
  const each = '{% for m in messages %}{{ m.content }}{% endfor %}';
  const parts = [
    { type: 'text', text: 'hi' },
    { type: 'text', text: 'ho' },
  ];

  // LLaVA's template, and others of models with eyes, go through parts alone: Jinja drops a text that is none.
  it('is seen as parts by a template that knows nothing else', () => {
    const source =
      "{% for m in messages %}{{ m.role }}: {% for part in m.content | selectattr('type', 'equalto', 'text') %}{{ part.text }}{% endfor %}{{ ' ' }}{% endfor %}";
    const turns: ChatMessage[] = [
      { role: 'user', content: 'is it' },
      { role: 'assistant', content: [{ type: 'text', text: 'so' }] },
      { role: 'user', content: 'and why' },
    ];
    expect(render(source, turns)).toMatchObject({ text: 'user: is it assistant: so user: and why ', warnings: [] });
  });

  it('reaches the template whole', () => {
    const message = { role: 'tool', content: null, name: 'n', tool_call_id: 'id', reasoning_content: 'r', other: [1] };
    const source = '{{ messages[0] | tojson }}';
    // Python's json.dumps of the same.
    expect(render(source, [message]).text).toBe(
      '{"role": "tool", "content": null, "name": "n", "tool_call_id": "id", "reasoning_content": "r", "other": [1]}',
    );
  });

  it.each([
    [each, 'hiho'],
    ['{{ messages[0].content | trim }}!', 'hiho!'],
    ["{{ 'x' + messages[0].content }}", 'xhiho'],
    ["{% if 'i' in messages[0].content %}{{ messages[0].content.upper() }}{% endif %}", 'HIHO'],
    ['{% if messages[0].content is string %}{{ messages[0].content }}{% endif %}', 'hiho'],
    ['{{ messages[0].content | tojson }}', '[{"type": "text", "text": "hi"}, {"type": "text", "text": "ho"}]'],
    ['{% for p in messages[0].content %}({{ p.text }}){% endfor %}', '(hi)(ho)'],
    ['{{ messages[0].content[0].text }}', 'hi'],
    [
      '{% if messages[0].content is string %}{{ messages[0].content }}{% else %}{% for p in messages[0].content %}{% if p.type == "text" %}[{{ p.text }}]{% endif %}{% endfor %}{% endif %}',
      '[hi][ho]',
    ],
  ])('in parts: %s', (source, expected) => {
    expect(render(source, [{ role: 'user', content: parts }]).text).toBe(expected);
  });

  it('and the template does not read is named', () => {
    const message = { role: 'user', content: 'hi', name: 'bob', tool_calls: [], thinking: null };
    expect(render(each, [message], { enable_thinking: false }).warnings).toEqual([
      '`templateVariables.enable_thinking` changes nothing: the chat template does not read it',
      '`name` of a message changes nothing: the chat template does not read it',
    ]);
    expect(render('{{ messages[0].name }}{{ x }}', [message], { x: 1 }).warnings).toEqual([]);
    expect(render('{{ messages | tojson }}', [message]).warnings).toEqual([]);
  });

  it('and what transformers gives as None is None', () => {
    const source = '{{ tools is none }}{{ documents is none }}{{ add_generation_prompt }}{{ custom is defined }}';
    expect(render(source, [{ role: 'user', content: '' }]).text).toBe('TrueTrueTrueFalse');
    expect(render('{{ tools[0].name }}', [{ role: 'user', content: '' }], { tools: [{ name: 'f' }] }).text).toBe('f');
  });
});

describe('a template that', () => {
  const tokenizer = guarding(CONTROLS);
  const code = (source: string) => {
    try {
      new ChatTemplate(source, tokenizer).render([{ role: 'user', content: 'hi' }]);
    } catch (error) {
      return (error as { code: string }).code;
    }
    return null;
  };

  it('refuses is BAD_USAGE, one that lacks or fails is UNSUPPORTED', () => {
    expect(code("{{ raise_exception('no') }}")).toBe('BAD_USAGE');
    expect(code("{{ 'a' | urlize }}")).toBe('UNSUPPORTED');
    expect(code("{{ strftime_now('%Q') }}")).toBe('UNSUPPORTED');
    expect(code('{{ messages[0].a.b }}')).toBe('UNSUPPORTED');
    expect(code('{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}')).toBe('UNSUPPORTED');
  });
});
