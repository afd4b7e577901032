import { call, reasoning, type Transcript, text } from './transcripts.js';

/*
 * How models write their answers by ggml-org/llama.cpp, tests/test-chat.cpp (ae1a0b1), with tools of our own. `source`
 * is the template that the test there is for.
 */

const D = '\uff5cDSML\uff5c';

export const LLAMA_CPP_TRANSCRIPTS: Transcript[] = [
  {
    source: 'Kimi-K2-Instruct: two calls, whose ids count up',
    dialect: 'kimi',
    answer:
      'Both.<|tool_calls_section_begin|><|tool_call_begin|>functions.get_weather:0<|tool_call_argument_begin|>{"city": "Rome", "days": 2}<|tool_call_end|><|tool_call_begin|>functions.now:1<|tool_call_argument_begin|>{}<|tool_call_end|><|tool_calls_section_end|>',
    parts: [
      text('Both.'),
      call('get_weather', { city: 'Rome', days: 2 }, 'functions.get_weather:0'),
      call('now', {}, 'functions.now:1'),
    ],
  },
  {
    source: 'Kimi-K2-Thinking: a call behind the reasoning, with a mark in a text',
    dialect: 'kimi',
    answer:
      '<think>I need it</think><|tool_calls_section_begin|><|tool_call_begin|>functions.get_weather:3<|tool_call_argument_begin|>{"city": "<|tool_call_end|>"}<|tool_call_end|><|tool_calls_section_end|>',
    parts: [reasoning('I need it'), call('get_weather', { city: '<|tool_call_end|>' }, 'functions.get_weather:3')],
  },
  {
    source: 'Kimi-K2-Thinking: calls in the midst of the reasoning',
    dialect: 'kimi',
    answer:
      '<think>I need two<|tool_calls_section_begin|><|tool_call_begin|>functions.get_weather:0<|tool_call_argument_begin|>{"city": "Rome"}<|tool_call_end|><|tool_call_begin|>functions.get_weather:1<|tool_call_argument_begin|>{"city": "Oslo"}<|tool_call_end|><|tool_calls_section_end|>',
    parts: [
      reasoning('I need two'),
      call('get_weather', { city: 'Rome' }, 'functions.get_weather:0'),
      call('get_weather', { city: 'Oslo' }, 'functions.get_weather:1'),
    ],
  },
  {
    source: 'Kimi-K2-Thinking: the same without marks of the section and of the end',
    dialect: 'kimi',
    answer:
      '<think>I need two<|tool_call_begin|>functions.get_weather:0<|tool_call_argument_begin|>{"city": "Rome"}<|tool_call_begin|>functions.get_weather:1<|tool_call_argument_begin|>{"city": "Oslo"}',
    parts: [
      reasoning('I need two'),
      call('get_weather', { city: 'Rome' }, 'functions.get_weather:0'),
      call('get_weather', { city: 'Oslo' }, 'functions.get_weather:1'),
    ],
  },
  {
    source: 'Qwen3.5-4B: two calls, a text of several lines',
    dialect: 'qwen-xml',
    answer:
      '<tool_call>\n<function=get_weather>\n<parameter=city>\ndef hello():\n    print("x")\n\nhello()\n</parameter>\n</function>\n</tool_call>\n<tool_call>\n<function=get_weather>\n<parameter=city>\n1\n</parameter>\n<parameter=days>\n2\n</parameter>\n</function>\n</tool_call>',
    parts: [
      call('get_weather', { city: 'def hello():\n    print("x")\n\nhello()' }),
      call('get_weather', { city: '1', days: 2 }),
    ],
  },
  {
    source: 'Qwen3.5-4B: what looks like a call within the reasoning is none',
    dialect: 'qwen-xml',
    prompt: '<|im_start|>assistant\n<think>\n',
    answer:
      "Let's call: <tool_call>\n<function=get_weather>\n</function>\n</tool_call>\n</think>\n\n<tool_call>\n<function=get_weather>\n<parameter=city>\nRome\n</parameter>\n</function>\n</tool_call>",
    parts: [
      reasoning("Let's call: <tool_call>\n<function=get_weather>\n</function>\n</tool_call>"),
      call('get_weather', { city: 'Rome' }),
    ],
  },
  {
    source: 'Ministral-3-14B-Reasoning: what looks like a call within the reasoning, then two calls',
    dialect: 'mistral',
    answer:
      '[THINK]About [TOOL_CALLS]get_weather[ARGS]{"days":1} and more[/THINK][TOOL_CALLS]get_weather[ARGS]{"days": 1}[TOOL_CALLS]get_weather[ARGS]{"city": "Rome", "days": 2}',
    parts: [
      reasoning('About [TOOL_CALLS]get_weather[ARGS]{"days":1} and more'),
      call('get_weather', { days: 1 }),
      call('get_weather', { city: 'Rome', days: 2 }),
    ],
  },
  {
    source: 'Mistral-Small-3.2: two calls with ids',
    dialect: 'mistral',
    answer:
      '[TOOL_CALLS]get_weather[CALL_ID]000000001[ARGS]{"city": "Rome"}[TOOL_CALLS]get_weather[CALL_ID]000000002[ARGS]{"city": "Oslo"}',
    parts: [call('get_weather', { city: 'Rome' }, '000000001'), call('get_weather', { city: 'Oslo' }, '000000002')],
  },
  {
    source: 'gemma-4-31B-it: a thought, then text, an empty one, and marks that end nothing',
    dialect: 'gemma-4',
    answer: "<|channel>thought\nHm<channel|>Hello, world!\nWhat's up?<|channel>thought\n<channel|><channel|>",
    parts: [reasoning('Hm'), text("Hello, world!\nWhat's up?")],
  },
  {
    source: 'gemma-4-31B-it: text, then calls with numbers, null and lists',
    dialect: 'gemma-4',
    answer:
      'Hello!<|tool_call>call:a{value:null,n:1.5e10,m:-7,todos:[<|"|>buy milk<|"|>,<|"|>walk dog<|"|>],none:[]}<tool_call|><|tool_call>call:b{config:{theme:<|"|>dark<|"|>,count:3},empty:{}}<tool_call|>',
    parts: [
      text('Hello!'),
      call('a', { value: null, n: 1.5e10, m: -7, todos: ['buy milk', 'walk dog'], none: [] }),
      call('b', { config: { theme: 'dark', count: 3 }, empty: {} }),
    ],
  },
  {
    source: 'GLM-4.7-Flash: reasoning that the prompt begins, two calls without line breaks, one without arguments',
    dialect: 'glm',
    prompt: '<|assistant|><think>',
    answer:
      "I'm\nthinking</think><tool_call>get_weather<arg_key>city</arg_key><arg_value>Rome</arg_value><arg_key>days</arg_key><arg_value>2</arg_value></tool_call><tool_call>now</tool_call>",
    parts: [reasoning("I'm\nthinking"), call('get_weather', { city: 'Rome', days: 2 }), call('now', {})],
  },
  {
    source: 'LFM2.5-8B-A1B: reasoning with what looks like a call, text, two calls, a name with a dot',
    dialect: 'lfm2',
    answer:
      '<think>About <|tool_call_start|>[f(a=1)]<|tool_call_end|> hmm</think>Let me see.<|tool_call_start|>[Calendar.create(title="demo", who=["A", "B"], meta={"high": True, "note": null}), now()]<|tool_call_end|>',
    parts: [
      reasoning('About <|tool_call_start|>[f(a=1)]<|tool_call_end|> hmm'),
      text('Let me see.'),
      call('Calendar.create', { title: 'demo', who: ['A', 'B'], meta: { high: true, note: null } }),
      call('now', {}),
    ],
  },
  {
    source: 'MiniMax-M2: reasoning that the prompt begins, a call without arguments and one with',
    dialect: 'minimax',
    prompt: ']~b]ai\n<think>\n',
    answer:
      'Call a tool:\n</think>\n\n<minimax:tool_call>\n<invoke name="now">\n</invoke>\n<invoke name="get_weather">\n<parameter name="days">1</parameter>\n</invoke>\n</minimax:tool_call>',
    parts: [reasoning('Call a tool:'), call('now', {}), call('get_weather', { days: 1 })],
  },
  {
    source: 'DeepSeek-V3.2: text and a call, numbers that are no texts',
    dialect: 'deepseek',
    prompt: '<\uff5cAssistant\uff5c><think>',
    answer: `About it</think>Let me call.\n\n<${D}function_calls>\n<${D}invoke name="get_weather">\n<${D}parameter name="days" string="false">1</${D}parameter>\n</${D}invoke>\n</${D}function_calls>`,
    parts: [reasoning('About it'), text('Let me call.'), call('get_weather', { days: 1 })],
  },
  {
    source: 'gpt-oss-120b: the recipient in the role, on the channel of the reasoning',
    dialect: 'harmony',
    prompt: '<|start|>assistant',
    answer:
      '<|channel|>analysis<|message|>I\'m\nthinking<|end|><|start|>assistant to=functions.get_weather<|channel|>analysis <|constrain|>json<|message|>{"days": 1}',
    parts: [reasoning("I'm\nthinking"), call('get_weather', { days: 1 })],
  },
  {
    source: 'gpt-oss-120b: a word to the user before a call; docs/format.md of openai/harmony calls it a preamble',
    dialect: 'harmony',
    prompt: '<|start|>assistant',
    answer:
      '<|channel|>commentary<|message|>I look it up.<|end|><|start|>assistant<|channel|>commentary to=functions.get_weather <|constrain|>json<|message|>{"city": "Rome"}<|call|>',
    parts: [text('I look it up.'), call('get_weather', { city: 'Rome' })],
  },
  {
    source: 'gpt-oss-120b: a tool of its own that nobody gave, and a header that begins again',
    dialect: 'harmony',
    prompt: '<|start|>assistant',
    answer:
      '<|channel|>commentary to=assistant<|channel|>analysis<|message|>I think<|end|><|start|>assistant to=container.exec<|channel|>commentary<|message|>ls<|end|><|start|>assistant<|channel|>commentary to=assistant<|channel|>final<|message|>Done.',
    parts: [reasoning('I thinkls'), text('Done.')],
  },
  {
    source: 'Hermes-2-Pro: two calls in marks of their own, on one line',
    dialect: 'hermes',
    answer:
      'Both.<tool_call>{"name": "get_weather", "arguments": {"city": "Rome"}}</tool_call>\n<tool_call>{"arguments": {"city": "Oslo"}, "name": "get_weather"}</tool_call>',
    parts: [text('Both.'), call('get_weather', { city: 'Rome' }), call('get_weather', { city: 'Oslo' })],
  },
];
