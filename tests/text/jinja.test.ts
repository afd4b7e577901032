import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Failure, Refusal, TooMuch, Unsupported } from '../../dist/src/text/jinja/failures.js';
import { JinjaTemplate } from '../../dist/src/text/jinja/jinja-template.js';
import { characters, isMarked, mark, plain } from '../../dist/src/text/jinja/marks.js';
import { strftime } from '../../dist/src/text/jinja/strftime.js';
import { toValue } from '../../dist/src/text/jinja/values.js';

/** What jinja2 itself makes of each template; null where it fails: tests/golden/jinja.py. */
const golden: {
  variables: Record<string, unknown>;
  cases: { template: string; expected: string | null }[];
} = JSON.parse(readFileSync(new URL('../golden/jinja.json', import.meta.url), 'utf8'));

const NOW = new Date(2026, 2, 7, 9, 5, 2);

function rendered(template: string, variables: Record<string, unknown> = golden.variables): string {
  const values = Object.entries(variables).map(([name, value]) => [name, toValue(value)] as const);
  return plain(new JinjaTemplate(template).render(new Map(values), NOW));
}

/** Templates of the golden file that ask for what is not built, with the name that the message gives it. */
const LACKING: Record<string, string> = {
  '{{ 1 < 2 < 3 }}': 'comparisons in a chain',
  '{{ 3 > 2 > 1 }}': 'comparisons in a chain',
  '{{ 6 is divisibleby 3 }}': 'NumericLiteral',
  '{{ 1 is in [1] }}': 'OpenSquareBracket',
  '{{ 1 is eq 1 }}': 'NumericLiteral',
  '{% raw %}{{ x }}{% endraw %}': '{% raw %}',
  '{% with a=1 %}{{ a }}{% endwith %}': '{% with %}',
  '{{ [1,2,3,4]|batch(2)|list }}': 'the filter "batch"',
  "{{ 'a b'|wordcount }}{{ '<a>'|e }}": 'the filter "wordcount"',
  "{{ 'a b'|urlencode }}": 'the filter "urlencode"',
  '{{ 5|pprint }}': 'the filter "pprint"',
  '{{ xs|slice(2)|list }}': 'the filter "slice"',
  "{{ os|groupby('t')|list }}": 'the filter "groupby"',
  "{{ 'x'|center(5) }}": 'the filter "center"',
  "{{ os[0]|attr('n') }}": 'the filter "attr"',
  "{{ 'a'.format() }}{{ '{}'.format(1) }}": 'the method format() of a text',
  "{{ 'a'.zfill(3) }}": 'the method zfill() of a text',
  '{{ 2|round(1) }}': 'round to digits',
};

describe('a template', () => {
  const { cases } = golden;
  const right = cases.filter(({ template, expected }) => expected !== null && !(template in LACKING));

  it.each(right)('$template is rendered as by jinja2', ({ template, expected }) => {
    expect(rendered(template)).toBe(expected);
  });

  it.each(cases.filter(({ expected }) => expected === null))('$template fails, as with jinja2', ({ template }) => {
    let caught: unknown;
    try {
      rendered(template);
    } catch (error) {
      caught = error;
    }
    expect([Failure, Refusal, Unsupported].some((kind) => caught instanceof kind)).toBe(true);
  });

  it.each(Object.entries(LACKING))('%s is refused, and named: %s', (template, name) => {
    expect(() => rendered(template)).toThrowError(Unsupported);
    expect(() => rendered(template)).toThrowError(expect.objectContaining({ message: expect.stringContaining(name) }));
  });

  it('that refuses is told from one that fails', () => {
    expect(() => rendered("{{ raise_exception('no' ~ 1) }}")).toThrowError(Refusal);
    expect(() => rendered("{{ 'a' + 1 }}")).toThrowError(Failure);
    expect(() => rendered('{{ messages[0].foo.bar }}')).toThrowError(Failure);
  });

  it('does not take 1e5 for two entries of a list', () => {
    expect(() => rendered('{{ [1e5] }}')).toThrowError(Unsupported);
  });
});

describe('strftime', () => {
  // Python 3.11: datetime(2027, 1, 3, 0, 30).strftime('%I %p %l %j %U %W %w %u').
  it('tells midnight and the weeks at the turn of a year', () => {
    expect(strftime('%I %p %l %j %U %W %w %u', new Date(2027, 0, 3, 0, 30))).toBe('12 AM 12 003 01 00 0 7');
  });

  it('refuses what it does not know', () => {
    for (const format of ['%Q', '%E', 'a%', '%-', '%^a']) expect(() => strftime(format, NOW)).toThrowError(Unsupported);
  });
});

/** Texts of all kinds: astral characters, halves of them, and those that marks themselves use. */
const anyText = fc.string({
  unit: fc.oneof(
    fc.constantFrom('a', 'B', ' ', '\n', '\r\n', '\x85', 'ß', '😀', '\ud83d', '\u{f0041}', '\u{10ffff}', ',', '"', "'"),
    fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
  ),
  maxLength: 30,
});

describe('marks', () => {
  it('come off a text, whatever it is', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        expect(plain(mark(text))).toBe(text);
        expect(characters(mark(text)).map(plain)).toEqual([...text]);
        expect(text === '' || isMarked(mark(text))).toBe(true);
      }),
    );
  });

  const WORKS = [
    '{{ x }}',
    '{{ x.strip() }}',
    "{{ x.split(',') }}",
    '{{ x.split() }}',
    "{{ x.rsplit(',', 1) | join('-') }}",
    '{{ x | tojson }}',
    '{{ x | tojson(ensure_ascii=true) }}',
    "{{ x | replace('a', x) }}",
    '{{ x | length }}',
    '{{ x[1:-1] }}{{ x[::-1] }}',
    '{{ x | upper }}{{ x | title }}{{ x.title() }}{{ x | capitalize }}',
    '{{ [x, {x: x}] }}',
    "{{ 'a' in x }}{{ x == 'a' }}{{ x < 'b' }}",
    '{{ x.splitlines() }}',
    '{% for c in x %}{{ c }};{% endfor %}',
    '{{ x | indent(2, true, true) }}',
    "{{ '%s|%5s' % (x, x) }}",
  ];

  it.each(WORKS)('change nothing in what %s makes of a text', (template) => {
    const compiled = new JinjaTemplate(template);
    fc.assert(
      fc.property(anyText, (text) => {
        const marked = compiled.render(new Map([['x', mark(text)]]));
        // The same text as the template's own, where none of its characters could be taken for a mark.
        fc.pre(!isMarked(text));
        expect(plain(marked)).toBe(compiled.render(new Map([['x', text]])));
      }),
    );
  });
});

/** Templates that would take longer than anybody waits, or fill the memory. */
const ENDLESS: Record<string, string> = {
  'loops in loops': '{% for a in r %}{% for b in r %}{% for c in r %}{% endfor %}{% endfor %}{% endfor %}',
  'a macro that calls itself twice':
    '{% macro f(n) %}{% if n %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(100) }}',
  'a text that doubles': "{% set n = namespace(s='x') %}{% for a in r %}{% set n.s = n.s ~ n.s %}{% endfor %}",
  'a list that doubles': '{% set n = namespace(s=[1]) %}{% for a in r %}{% set n.s = n.s + n.s %}{% endfor %}',
  'filters over lists': "{% for a in r %}{{ r|map('string')|join|length }}{% endfor %}",
  'a filter that compares all with all': '{{ r|unique|list|length }}',
};

it.each(Object.entries(ENDLESS))('%s is given up', (_, template) => {
  expect(() => rendered(`{% set r = range(100000) %}${template}`)).toThrow(TooMuch);
});

it('a long conversation is far from the limit of steps', () => {
  const messages = Array.from({ length: 2000 }, () => ({ role: 'user', content: 'word '.repeat(50) }));
  const template = '{% for m in messages %}{{ m.role }}: {{ m.content|trim }}\n{% endfor %}';
  expect(rendered(template, { messages })).toHaveLength(2000 * (6 + 249 + 1));
});
