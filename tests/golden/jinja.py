"""Writes jinja.json: small templates, one for each feature, and what jinja2 makes of them in the environment that transformers 5.24
renders chat templates in (sandboxed, trim_blocks, lstrip_blocks, loop controls, {% generation %}, its own tojson, raise_exception and
strftime_now), at 9:05:02 on 7 March 2026, in English. An error of jinja2 is written as null.

    LC_ALL=C python3 tests/golden/jinja.py > tests/golden/jinja.json
"""
import datetime
import json
import sys

import jinja2
import jinja2.ext
from jinja2.sandbox import ImmutableSandboxedEnvironment


class Generation(jinja2.ext.Extension):
    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return jinja2.nodes.CallBlock(self.call_method("body"), [], [], body).set_lineno(line)

    def body(self, caller):
        return caller()


def raise_exception(message):
    raise jinja2.exceptions.TemplateError(message)


def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


NOW = datetime.datetime(2026, 3, 7, 9, 5, 2)
environment = ImmutableSandboxedEnvironment(
    trim_blocks=True, lstrip_blocks=True, extensions=[Generation, jinja2.ext.loopcontrols]
)
environment.filters["tojson"] = tojson
environment.globals["raise_exception"] = raise_exception
environment.globals["strftime_now"] = NOW.strftime

VARIABLES = {
    "xs": ["b", "a", "C"],
    "ns": [3, 1, 2],
    "os": [{"n": "x", "t": "u", "a": {"b": 1}}, {"n": "y", "t": "v"}, {"n": "z", "t": "u"}],
    "s": "  Hello <b>World</b>\n\n",
    "d": {"b": 1, "a": [1, None, True, "\u00e9"], "items": 5},
    "f": 1.5,
    "t": "a,b,,c",
    "u": "h\u00e9\U0001f600llo",
    "empty": "",
    "tools": None,
    "documents": None,
    "messages": [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": None, "tool_calls": [{"function": {"name": "f", "arguments": {"x": "y"}}}]},
    ],
}

TEMPLATES = [
    '{{ none }}|{{ true }}|{{ False }}|{{ xs }}|{{ d }}|{{ 1.0 }}|{{ f }}',
    "{{ xs|reject('equalto','a')|list }}",
    "{{ xs|select('in',['a','b'])|join(',') }}",
    "{{ os|selectattr('t','equalto','u')|map(attribute='n')|join(' ') }}",
    "{{ os|selectattr('t','in',['v'])|list|length }}",
    "{{ os|rejectattr('a')|list|length }}",
    "{{ os|selectattr('a','defined')|list|length }}",
    "{{ os|selectattr('a.b','eq',1)|list|length }}",
    "{{ xs|map('upper')|list }}",
    "{{ xs|map('replace','a','Z')|join }}",
    "{{ '%s-%d' % ('a',1) }} {{ '%s' % 'q' }} {{ '%05.2f|%-4s|' % (1.5,'a') }}",
    "{{ '%s and %s' | format('a','b') }}",
    "{{ 'ab' * 3 }} {{ [1] * 2 }}",
    "{{ 'abc'|first }}{{ 'abc'|last }}{{ xs|first }}",
    "{{ 'abc'|list }}",
    "{{ ns|sum }} {{ os|map(attribute='n')|sum(start='') if false else '' }}",
    "{{ dict(a=1,b='x') }}",
    '{{ dict(a=1).a }}',
    '{{ d|tojson }} {{ d|tojson(indent=2) }}',
    "{{ d|tojson(separators=(',',':')) }} {{ d|tojson(ensure_ascii=true) }} {{ d|tojson(sort_keys=true) }}",
    "{{ d['items'] }}",
    '{{ d.items()|list }}',
    '{% for k,v in d.items() %}{{k}}={{v}};{% endfor %}',
    '{% for k,v in d|items %}{{k}};{% endfor %}',
    '{% for k,v in d|dictsort %}{{k}};{% endfor %}',
    "{% for c in 'abc' %}{{c}}{{loop.index}}{{ '-' if not loop.last }}{% endfor %}",
    '{% for x in xs %}{% if loop.first %}{% set y = 1 %}{% endif %}{{ y }};{% endfor %}',
    '{% set q = 0 %}{% for x in xs %}{% set q = q + 1 %}{{ q }}{% endfor %}{{ q }}',
    '{% set n = namespace(v=0) %}{% for x in xs %}{% set n.v = n.v + 1 %}{% endfor %}{{ n.v }}',
    '{% macro m(a, b=2) %}{{ a }}{{ b }}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1) }}{{ m(1,3,4,c=5) }}',
    '{% macro m() %}{{ x }}{% endmacro %}{% for x in xs %}{{ m() }}{% endfor %}',
    '{% set x=1 %}{% macro m() %}{{ x }}{% endmacro %}{% set x=2 %}{{ m() }}',
    '{% macro w() %}<{{ caller() }}>{% endmacro %}{% call w() %}in{% endcall %}',
    '{% macro w() %}<{{ caller(1) }}>{% endmacro %}{% call(z) w() %}in{{ z }}{% endcall %}',
    "{% for x in xs if x != 'a' %}{{ loop.index }}{{ x }}{% else %}none{% endfor %}",
    '{% for x in [] %}{% else %}none{% endfor %}',
    "{% for x in xs %}{% if x=='a' %}{% continue %}{% endif %}{{ x }}{% else %}E{% endfor %}",
    "{% for x in xs %}{% if x=='a' %}{% break %}{% endif %}[{{ x }}]{% endfor %}",
    "{{ s|trim }}|{{ s.strip() }}|{{ s.rstrip('\\n') }}|{{ s.lstrip() }}|{{ s.strip(' \\n') }}",
    "{{ t.split(',') }}{{ t.split(',',1) }}{{ t.rsplit(',',1) }}{{ '  a b  c '.split() }}{{ '  a b  c '.split(none,1) }}{{ '  a b  c '.rsplit(none,1) }}",
    "{{ t.split(',')[-1] }}{{ t.partition(',') }}{{ t.rpartition(',') }}",
    "{{ 'a\\nb\\r\\nc\\n'.splitlines() }}{{ 'a\\nb'.splitlines(true) }}",
    '{{ \'hello world\'.title() }}{{ "it\'s"|title }}{{ \'hELLO\'|capitalize }}{{ \'hELLO\'.capitalize() }}',
    '{{ u|length }}{{ u[2] }}{{ u[::-1] }}{{ u.upper() }}',
    "{{ 'abc'[1:] }}{{ 'abc'[-1] }}{{ xs[::-1] }}{{ xs[1:2] }}{{ xs[5] }}{{ xs[-1] }}",
    '{{ undefinedx }}|{{ undefinedx is defined }}|{{ undefinedx is none }}|{{ undefinedx == none }}',
    '{{ undefinedx.a }}',
    '{{ messages[0].foo.bar }}',
    '{{ messages[0].foo is defined }}{{ messages[0].foo }}',
    '{{ messages[1].content is none }}{{ messages[1].content }}',
    "{{ 'x' + none }}",
    "{{ 'x' + 1 }}",
    "{{ 'x' ~ 1 ~ none ~ 1.0 ~ true }}",
    "{{ 1 == true }}{{ '1' == 1 }}{{ '' == false }}{{ 0 == '' }}{{ [1] == [1] }}{{ {'a':1} == {'a':1.0} }}{{ (1, 2) == [1, 2] }}",
    "{{ 1 in [true] }}{{ [1] in [[1]] }}{{ 'b' in d }}{{ 'z' not in d }}{{ 'l' in 'hello' }}",
    '{{ 7 // 2 }}{{ -7 // 2 }}{{ -7 % 3 }}{{ 7 / 2 }}{{ 2 ** 3 }}{{ 2 ** -1 }}{{ 7.5 % 2 }}',
    "{{ 1 < 2 }}{{ 'a' < 'b' }}{{ 'B' < 'a' }}",
    '{{ 1 < 2 < 3 }}',
    '{{ 3 > 2 > 1 }}',
    '{{ (1 == 1) != (2 == 3) }}{{ (1 == 1) == true }}',
    '{{ x is defined and x is not none }}',
    "{{ xs is iterable }}{{ xs is sequence }}{{ d is mapping }}{{ 'a' is string }}{{ d is iterable }}{{ 1 is number }}{{ true is number }}{{ 1 is integer }}{{ true is integer }}{{ 1.0 is float }}{{ none is none }}",
    "{{ 3 is odd }}{{ 'a' is lower }}{{ 'A' is upper }}{{ true is boolean }}{{ range is callable }}{{ undefinedx is undefined }}{{ undefinedx is iterable }}",
    '{{ 6 is divisibleby 3 }}',
    '{{ 1 is in [1] }}',
    '{{ 1 is eq 1 }}',
    '{% raw %}{{ x }}{% endraw %}',
    '{{ range(3)|list }}{{ range(1,7,2)|list }}{{ range(3,0,-1)|list }}',
    "{{ xs|sort }}{{ xs|sort(reverse=true) }}{{ xs|sort(case_sensitive=true) }}{{ os|sort(attribute='n',reverse=true)|map(attribute='n')|list }}",
    "{{ xs|join(', ') }}{{ [1,none,true]|join('-') }}{{ 'abc'|join('.') }}",
    "{{ os|map(attribute='zz',default='q')|list }}{{ os|map(attribute='zz')|list|length }}",
    "{{ xs|length }}{{ d|length }}{{ undefinedx|length }}{{ 'ab'|count }}",
    "{{ undefinedx|default('d') }}{{ none|default('d') }}{{ ''|default('d',true) }}{{ none|d('e',boolean=true) }}",
    "{{ '3'|int }}{{ '3.7'|int }}{{ 'x'|int }}{{ 'x'|int(5) }}{{ 3.9|int }}{{ -3.9|int }}{{ '2.5'|float }}{{ 2|float }}{{ 'x'|float }}",
    '{{ 3|string }}{{ none|string }}{{ xs|string }}{{ true|string }}',
    "{{ 'a\\nb\\n\\nc'|indent }}|{{ 'a\\nb'|indent(2,true) }}|{{ 'a\\nb'|indent(width='> ') }}|{{ 'a\\n\\nb'|indent(2,blank=true) }}",
    "{{ 'aXbX'|replace('X','y') }}{{ 'aXbX'|replace('X','y',1) }}{{ 'abc'.replace('','-') }}",
    "{{ [3,1]|min }}{{ [3,1]|max }}{{ xs|min }}{{ [1,1,2]|unique|list }}{{ ['a','A']|unique|list }}",
    "{{ -5|abs }}{{ (-5)|abs }}{{ 2.6|round }}{{ 2.5|round|int }}{{ 2.4|round('ceil') if false else '' }}{{ 2.4|round(method='ceil') }}",
    "{{ [1,2,3]|reverse|list }}{{ 'abc'|reverse }}",
    '{{ [1,2,3,4]|batch(2)|list }}',
    "{{ 'a b'|wordcount }}{{ '<a>'|e }}",
    "{{ 'a b'|urlencode }}",
    "{{ raise_exception('no') }}",
    "{{ raise_exception('no' ~ 1) }}",
    '{% set a, b = 1, 2 %}{{ a }}{{ b }}{% set z %}x{{ a }}{% endset %}{{ z }}',
    '{% set z = (1,2) %}{{ z }}',
    '{% if xs and not none or false %}Y{% elif 1 %}N{% else %}Z{% endif %}',
    "{{ 'a' if false }}|{{ 'a' if true else 'b' }}|{{ ('a' if false else 'b') ~ 'c' }}",
    "{% filter upper %}abc{{ 'd' }}{% endfilter %}",
    '{% generation %}abc{% endgeneration %}',
    '{# c #}x{#- d -#} y',
    "{{- ' x ' -}}  z",
    "{{ {'a': {'b': 1}}['a']['b'] }}{{ {'a':1}.get('b') }}{{ {'a':1}.get('b','c') }}{{ {'a':1}.keys()|list }}{{ {'a':1}.values()|list }}",
    "{{ messages[1].tool_calls[0].function.arguments|tojson }}{{ messages[1]['tool_calls'][0]['function']['name'] }}",
    "{{ 'abc'.startswith('a') }}{{ 'abc'.endswith(('x','c')) }}{{ 'abc'.find('c') }}{{ 'abc'.count('b') }}{{ 'abc'.removeprefix('a') }}{{ 'abc'.removesuffix('c') }}{{ '-'.join(xs) }}",
    "{{ 'abc'.isdigit() }}{{ '12'.isdigit() }}{{ 'abc'.isalpha() }}{{ ' '.isspace() }}{{ 'AB'.isupper() }}",
    "{{ 'a'.format() }}{{ '{}'.format(1) }}",
    "{{ 'a'.zfill(3) }}",
    "{{ xs.append('q') }}",
    "{{ xs.index('a') }}{{ xs.count('a') }}",
    "{{ d.update({'x':1}) }}",
    '{{ "q\'q" }}{{ ["q\'q", \'a"b\', \'x\\ny\\\\\', \'é\', \'\\u200b\'] }}',
    "{{ loop is defined }}{% for a in [1] %}{{ loop.length }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.previtem is defined }}{{ loop.nextitem is defined }}{{ loop.cycle('a','b') }}{{ loop.depth }}{% endfor %}",
    '{% for a in [1,2] %}{{ loop.previtem }}{{ loop.nextitem }}{% endfor %}',
    '{% for a in [1] %}{% for b in [2] %}{{ loop.depth }}{% endfor %}{% endfor %}',
    '{{ not xs }}{{ not not xs }}{{ -1 }}{{ +1 }}{{ - f }}',
    "{{ 'a' 'b' }}",
    '{{ xs|tojson|length }}',
    '{{ {1:2} }}{{ {1:2}|tojson }}',
    '{% for m in messages %}{{ m.role }}{% if m.tool_calls is defined and m.tool_calls %}{% for c in m.tool_calls %}{{ c.function.name }}{% endfor %}{% endif %}{% endfor %}',
    "{{ messages|selectattr('role','equalto','user')|list|last }}",
    '{{ (messages|last).role }}',
    "{{ messages|map(attribute='role')|unique|join(',') }}",
    '{% set ns = namespace(found=false, l=[]) %}{% for m in messages %}{% set ns.l = ns.l + [m.role] %}{% endfor %}{{ ns.l }}',
    "{{ 'x' if messages[0]['role'] == 'user' and (messages[0].content|length > 1) }}",
    "{% include 'x' %}",
    '{% with a=1 %}{{ a }}{% endwith %}',
    '{% do x %}',
    '{{ 5|pprint }}',
    '{{ xs|slice(2)|list }}',
    "{{ os|groupby('t')|list }}",
    "{{ 'x'|center(5) }}",
    "{{ (1,2)|list }}{{ (1,2) }}",
    "{{ 'é'|tojson }}{{ '\\x7f'|tojson }}{{ '</script>'|tojson }}",
    '{{ 1000000 * 1000000 }}{{ 9007199254740993 if false }}',
    '{{ 2|round(1) }}',
    "{{ 'a'|upper|lower|title }}",
    '{{ "%.3f" | format(3.14159) }}{{ \'%d%%\' % 5 }}{{ \'%(a)s\' % {\'a\':1} }}{{ \'%x\' % 255 }}{{ \'%r\' % \'a\' }}{{ \'%s %s\' % (\'a\',) }}',
    "{{ xs[0:2]|join }}{{ xs['length'] }}{{ xs.length }}",
    '{{ messages[0].items()|list }}',
    "{{ messages[0].get('role') }}{{ messages[0].get('zz', 'q') }}",
    '{{ d.b + d.a[0] }}{{ d.zz|default([])|length }}',
    "{{ f|string + 'x' }}{{ f|int + 1 }}",
    "{{ [none, 1]|select|list }}{{ [none,1]|reject('none')|list }}{{ [1,2,3]|select('odd')|list }}{{ [1,2,3]|select('divisibleby',2)|list }}{{ [3,6]|select('gt',4)|list }}",
    "{{ os|map(attribute='a.b')|list|length }}",
    "{{ os[0]|attr('n') }}",
    "{{ none|trim }}{{ 5|trim }}{{ '--a--'|trim('-') }}",
    '{{ none|length }}',
    '{{ none.x }}',
    '{% for x in none %}{% endfor %}',
    "{{ tools|selectattr('type', 'equalto', 'x')|list|length }}{{ none|rejectattr('a')|list }}{{ none|select|list }}{{ none|map('upper')|list }}{{ none|map(attribute='a')|list }}{{ zz|map('upper')|list }}",
    '{{ 5|select|list }}',
    "{{ u|trim('h\u00e9o') }}{{ '\U0001f600a\U0001f600'|trim('\U0001f600') }}{{ '\U0001f600a'.strip('a') }}{{ '\\u3000\\x1c a\\u2028'|trim }}|",
    '{{ 5|map("upper")|list }}',
    '{% for x in 5 %}{% endfor %}',
    '{{ none[0] }}',
    '{{ 5() }}',
    '{{ xs() }}',
    '{{ xs|nosuch }}',
    '{{ xs is nosuch }}',
    '{{ namespace(a=1).b }}',
    '{{ [[1,2],[3]]|sum(start=[]) }}',
    "{{ os|sum(attribute='a.b') }}",
    "{{ [1,2,3][-2:] }}{{ 'hello'[1:-1] }}{{ 'hello'[::2] }}{{ 'hello'[:-10:-1] }}",
    '{% set content = messages[0].content %}{% if content is string %}{{ content }}{% elif content is iterable %}L{% endif %}',
    '{{ messages[1].content is not none }}{{ messages[1].content == none }}{{ messages[1].name == none }}',
    "{% set c = '<think>\\nhm\\n</think>\\n\\n Hello ' %}{{ c.split('</think>')[0].rstrip('\\n').split('<think>')[-1].lstrip('\\n') }}|{{ c.split('</think>')[-1].lstrip('\\n') }}",
    '{% if tools is not none %}TOOLS{% endif %}{% if documents %}D{% endif %}{{ tools }}',
    "{{ strftime_now('%A, %-d %B %Y %y %I %p %b %j %H:%M:%S %Z|%a %e %U %W %w %u %F %T %R %D %c %x %X %h %n%t%% %C %k %l %-m %_d') }}",
    '{{ [0.00001, 1.0, 123456789.5, 0.1] }}{{ 10.0 ** 16 }}{{ 1.5 * 2 }}{{ 10 / 5 }}',
    '  {%- if true %}  \n  a\n  {% endif %}\n  b\n',
    "{%- for message in messages -%}\n  {%- if message.role == 'user' -%}\n    U: {{ message.content }}\n  {%- endif -%}\n{%- endfor -%}\n",
    '{% for x in xs %}\n  {{ x }}\n{% endfor %}\nend\n',
    'a\r\n{% if true %}\r\nb\r\n{% endif %}\r\n',
    '{%- macro x(y) -%}\n{{ y }}\n{%- endmacro -%}\n\n{{ x(1) }}\n\n',
    '  {# c #}\n  {{ 1 }}  \n\n',
    '{%- generation -%}\n a \n{%- endgeneration -%}\n z',
    "{% for m in messages %}\n{% if m.role=='assistant' %}\n{% generation %}\n{{ m.role }}\n{% endgeneration %}\n{% endif %}\n{% endfor %}\n",
]


def rendered(template):
    try:
        return environment.from_string(template).render(**VARIABLES)
    except Exception:
        return None


CASES = [{"template": template, "expected": rendered(template)} for template in TEMPLATES]
json.dump(
    {"source": "jinja.py, jinja2 " + jinja2.__version__, "variables": VARIABLES, "cases": CASES},
    sys.stdout, ensure_ascii=False, indent=1,
)
print()
