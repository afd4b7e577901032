import type { AnswerPart, ToolSignature } from '../../../dist/src/text/dialects/dialect.js';
import type { DialectName } from '../../../dist/src/text/dialects/dialects.js';

/** An answer as a model's own documentation shows it, and what its author says that it means. */
export interface Transcript {
  source: string;
  dialect: DialectName;
  prompt?: string;
  answer: string;
  parts: AnswerPart[];
}

const schema = (properties: Record<string, unknown>) => ({ type: 'object', properties });

export const TOOLS: ToolSignature[] = [
  { name: 'get_current_temperature', parameters: schema({ location: { type: 'string' }, unit: { type: 'string' } }) },
  { name: 'get_temperature_date', parameters: schema({ location: { type: 'string' }, date: { type: 'string' } }) },
  { name: 'get_weather', parameters: schema({ city: { type: 'string' }, days: { type: 'integer' } }) },
  { name: 'square_the_number', parameters: schema({ input_num: { type: 'number' }, exact: { type: 'boolean' } }) },
  { name: 'search_web', parameters: schema({ query_tag: { type: 'array' }, query_list: { type: 'array' } }) },
  { name: 'get_candidate_status', parameters: schema({ candidate_id: { type: 'string' } }) },
  { name: 'get_current_weather', parameters: schema({ location: { type: 'string' }, format: { type: 'string' } }) },
  { name: 'trending_songs', parameters: schema({ n: { type: 'integer' }, genre: { type: 'string' } }) },
];

export const text = (value: string): AnswerPart => ({ type: 'text', text: value });
export const reasoning = (value: string): AnswerPart => ({ type: 'reasoning', text: value });
export const call = (name: string, args: Record<string, unknown>, id?: string): AnswerPart => ({
  type: 'tool-call',
  call: { name, arguments: args, ...(id === undefined ? {} : { id }) },
});

const token = (name: string) => `<\uff5c${name.replaceAll('_', '\u2581')}\uff5c>`;
const D = '\uff5cDSML\uff5c';

export const TRANSCRIPTS: Transcript[] = [
  {
    source: 'qwen.readthedocs.io, Function Calling: two calls in one answer',
    dialect: 'hermes',
    answer:
      '<tool_call>\n{"name": "get_current_temperature", "arguments": {"location": "San Francisco, CA, USA"}}\n</tool_call>\n<tool_call>\n{"name": "get_temperature_date", "arguments": {"location": "San Francisco, CA, USA", "date": "2024-10-01"}}\n</tool_call>',
    parts: [
      call('get_current_temperature', { location: 'San Francisco, CA, USA' }),
      call('get_temperature_date', { location: 'San Francisco, CA, USA', date: '2024-10-01' }),
    ],
  },
  {
    source: 'Qwen/Qwen3 chat template: reasoning, text and a call',
    dialect: 'hermes',
    answer:
      '<think>\nThe user asks for the weather.\n</think>\n\nLet me look.\n<tool_call>\n{"name": "get_weather", "arguments": {"city": "</tool_call> \\"Paris\\" {"}}\n</tool_call>',
    parts: [
      reasoning('The user asks for the weather.'),
      text('Let me look.'),
      call('get_weather', { city: '</tool_call> "Paris" {' }),
    ],
  },
  {
    source: 'what Qwen2.5-Coder-0.5B-Instruct writes for its own template: a call in a fence',
    dialect: 'hermes',
    answer:
      '```json\n{\n  "name": "get_weather",\n  "arguments": {\n    "city": "Oslo",\n    "unit": "celsius"\n  }\n}\n```',
    parts: [call('get_weather', { city: 'Oslo', unit: 'celsius' })],
  },
  {
    source: 'what Qwen2.5-Coder-0.5B-Instruct writes for its own template: a call without marks',
    dialect: 'hermes',
    answer:
      '{"name": "get_weather", "arguments": {"city": "Paris"}}\n{"name": "get_weather", "arguments": {"city": "Rome"}}\n{"temperature": 21}',
    parts: [call('get_weather', { city: 'Paris' }), call('get_weather', { city: 'Rome' }), text('{"temperature": 21}')],
  },
  {
    source: 'Qwen/Qwen3-Coder-30B-A3B-Instruct, README (square_the_number) in the form of its chat template',
    dialect: 'qwen-xml',
    answer:
      "I'll square it.\n<tool_call>\n<function=square_the_number>\n<parameter=input_num>\n1024\n</parameter>\n<parameter=exact>\ntrue\n</parameter>\n</function>\n</tool_call>",
    parts: [text("I'll square it."), call('square_the_number', { input_num: 1024, exact: true })],
  },
  {
    source: 'the same template: a value of several lines, which holds tags; the mark before is left out',
    dialect: 'qwen-xml',
    answer:
      '<function=get_weather>\n<parameter=city>\nline 1\n  </parameter> is a tag\n\n</parameter>\n<parameter=days>\n3\n</parameter>\n</function>\n',
    parts: [call('get_weather', { city: 'line 1\n  </parameter> is a tag\n', days: 3 })],
  },
  {
    source: 'Qwen/Qwen3.5 chat template: the prompt opens the reasoning',
    dialect: 'qwen-xml',
    prompt: '<|im_start|>assistant\n<think>\n',
    answer:
      'I need it.\n</think>\n\n<tool_call>\n<function=get_weather>\n<parameter=city>\nParis\n</parameter>\n</function>\n</tool_call>',
    parts: [reasoning('I need it.'), call('get_weather', { city: 'Paris' })],
  },
  {
    source: 'openai/harmony, docs/format.md: reasoning and a tool call',
    dialect: 'harmony',
    prompt: '<|end|><|start|>assistant',
    answer:
      '<|channel|>analysis<|message|>Need to use function get_weather.<|end|><|start|>assistant<|channel|>commentary to=functions.get_weather <|constrain|>json<|message|>{"location":"San Francisco"}<|call|>',
    parts: [reasoning('Need to use function get_weather.'), call('get_weather', { location: 'San Francisco' })],
  },
  {
    source: 'openai/harmony, docs/format.md: a preamble, and the recipient in the role',
    dialect: 'harmony',
    prompt: '<|start|>assistant',
    answer:
      ' to=functions.generate_file<|channel|>commentary json<|message|>{"template": "basic_html"}<|call|><|start|>assistant<|channel|>final<|message|>2 + 2 = 4.<|return|>',
    parts: [call('generate_file', { template: 'basic_html' }), text('2 + 2 = 4.')],
  },
  {
    source: 'ai.google.dev, Function calling with Gemma 4: thought, then a call',
    dialect: 'gemma-4',
    prompt: '<|turn>model\n',
    answer:
      '<|channel>thought\nThe user wants the temperature in London.<channel|><|tool_call>call:get_current_temperature{location:<|"|>London<|"|>}<tool_call|>',
    parts: [
      reasoning('The user wants the temperature in London.'),
      call('get_current_temperature', { location: 'London' }),
    ],
  },
  {
    source: 'the template of Gemma 4 (format_argument): numbers, booleans, lists and objects; two calls',
    dialect: 'gemma-4',
    answer:
      'Sure.<|tool_call>call:a{flag:true,list:[<|"|>x, }<tool_call|><|"|>,2.5],o:{k:<|"|>v<|"|>,n:-1}}<tool_call|><|tool_call>call:b{}<tool_call|>',
    parts: [
      text('Sure.'),
      call('a', { flag: true, list: ['x, }<tool_call|>', 2.5], o: { k: 'v', n: -1 } }),
      call('b', {}),
    ],
  },
  {
    source: 'mistralai/mistral-common, instruct tokenizer v3',
    dialect: 'mistral',
    answer:
      '[TOOL_CALLS] [{"name": "get_current_weather", "arguments": {"location": "Paris, France", "format": "celsius"}, "id": "VvvODy9mT"}]',
    parts: [call('get_current_weather', { location: 'Paris, France', format: 'celsius' }, 'VvvODy9mT')],
  },
  {
    source: 'mistralai/mistral-common, instruct tokenizers v11 and v13; reasoning of Magistral',
    dialect: 'mistral',
    answer:
      '[THINK]I need two.[/THINK]One moment.[TOOL_CALLS]get_weather[ARGS]{"city": "[ARGS]"}[TOOL_CALLS]get_weather[CALL_ID]abcDEF123[ARGS]{"city": "Rome"}',
    parts: [
      reasoning('I need two.'),
      text('One moment.'),
      call('get_weather', { city: '[ARGS]' }),
      call('get_weather', { city: 'Rome' }, 'abcDEF123'),
    ],
  },
  {
    source: 'deepseek-ai/DeepSeek-V3.1, README, ToolCall',
    dialect: 'deepseek',
    prompt: `${token('Assistant')}</think>`,
    answer: `I will check.${token('tool_calls_begin')}${token('tool_call_begin')}get_weather${token('tool_sep')}{"city": "Hangzhou"}${token('tool_call_end')}${token('tool_call_begin')}get_weather${token('tool_sep')}{"city": "Beijing"}${token('tool_call_end')}${token('tool_calls_end')}`,
    parts: [text('I will check.'), call('get_weather', { city: 'Hangzhou' }), call('get_weather', { city: 'Beijing' })],
  },
  {
    source: 'deepseek-ai/DeepSeek-R1-0528, chat template: the name before a block of JSON',
    dialect: 'deepseek',
    prompt: `${token('Assistant')}<think>\n`,
    answer: `Look it up.\n</think>\n\n${token('tool_calls_begin')}${token('tool_call_begin')}function${token('tool_sep')}get_weather\n\`\`\`json\n{"city": "Tokyo"}\n\`\`\`${token('tool_call_end')}${token('tool_calls_end')}`,
    parts: [reasoning('Look it up.'), call('get_weather', { city: 'Tokyo' })],
  },
  {
    source: 'deepseek-ai/DeepSeek-V3.2, encoding/README.md: DSML',
    dialect: 'deepseek',
    prompt: `${token('Assistant')}<think>`,
    answer: `Two of them.</think>\n\n<${D}function_calls>\n<${D}invoke name="get_weather">\n<${D}parameter name="city" string="true">10</${D}parameter>\n<${D}parameter name="days" string="false">[1, 2]</${D}parameter>\n</${D}invoke>\n<${D}invoke name="now">\n</${D}invoke>\n</${D}function_calls>`,
    parts: [reasoning('Two of them.'), call('get_weather', { city: '10', days: [1, 2] }), call('now', {})],
  },
  {
    source: 'meta-llama/llama-models, llama3_1/prompt_format.md: JSON based tool calling',
    dialect: 'llama-3',
    answer: '{"name": "trending_songs", "parameters": {"n": "10", "genre": "all"}}',
    parts: [call('trending_songs', { n: '10', genre: 'all' })],
  },
  {
    source: 'meta-llama/llama-models, llama3_1/prompt_format.md: builtin tool',
    dialect: 'llama-3',
    answer: '<|python_tag|>brave_search.call(query="latest (weather) in Menlo Park")',
    parts: [call('brave_search', { query: 'latest (weather) in Menlo Park' })],
  },
  {
    source: 'zai-org/GLM-4.6, chat template',
    dialect: 'glm',
    answer:
      '\n<think>Rain?</think>\nLet me see.\n<tool_call>get_weather\n<arg_key>city</arg_key>\n<arg_value>Beijing</arg_value>\n<arg_key>days</arg_key>\n<arg_value>3</arg_value>\n</tool_call>',
    parts: [reasoning('Rain?'), text('Let me see.'), call('get_weather', { city: 'Beijing', days: 3 })],
  },
  {
    source: 'docs.liquid.ai, Tool Use (LFM2)',
    dialect: 'lfm2',
    answer:
      '<|tool_call_start|>[get_candidate_status(candidate_id="12345")]<|tool_call_end|>Checking the current status of candidate ID 12345.',
    parts: [
      call('get_candidate_status', { candidate_id: '12345' }),
      text('Checking the current status of candidate ID 12345.'),
    ],
  },
  {
    source: 'the template of LFM2.5 (render_tool_calls): several, with values that are no texts',
    dialect: 'lfm2',
    answer: "<|tool_call_start|>[a(x='it\\'s', y=-1.5, z=True), b(o={\"k\": [1, null]}, t=None)]<|tool_call_end|>",
    parts: [call('a', { x: "it's", y: -1.5, z: true }), call('b', { o: { k: [1, null] }, t: null })],
  },
  {
    source: 'MiniMaxAI/MiniMax-M2, docs/tool_calling_guide.md',
    dialect: 'minimax',
    prompt: ']~b]ai\n<think>\n',
    answer:
      'Search twice.\n</think>\n\n<minimax:tool_call>\n<invoke name="search_web">\n<parameter name="query_tag">["technology", "events"]</parameter>\n<parameter name="query_list">["\\"OpenAI\\" \\"latest\\" \\"release\\""]</parameter>\n</invoke>\n<invoke name="search_web">\n<parameter name="query_tag">["technology", "events"]</parameter>\n<parameter name="query_list">["\\"Gemini\\" \\"latest\\" \\"release\\""]</parameter>\n</invoke>\n</minimax:tool_call>',
    parts: [
      reasoning('Search twice.'),
      call('search_web', { query_tag: ['technology', 'events'], query_list: ['"OpenAI" "latest" "release"'] }),
      call('search_web', { query_tag: ['technology', 'events'], query_list: ['"Gemini" "latest" "release"'] }),
    ],
  },
];
