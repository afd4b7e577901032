import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ChatMessage, type ChatOptions, loadModel, type Model, type Tool } from '../../dist/src/index.js';
import { TALES } from '../support/shipped.js';

/** In the manner of Qwen's: tools in the system message, calls and results in the history. */
const template = `{{ bos_token }}{% if tools %}{% for tool in tools %}{{ tool | tojson }}
{% endfor %}{% endif %}{% for m in messages %}{{ m.role }}: {{ m.content }}{% for call in m.tool_calls or [] %}<tool_call>
{"name": "{{ call.function.name }}", "arguments": {{ call.function.arguments | tojson }}}
</tool_call>{% endfor %}{{ eos_token }}
{% endfor %}assistant: `;

const weather: Tool = {
  type: 'function',
  function: { name: 'get_weather', parameters: { type: 'object', properties: { city: { type: 'string' } } } },
};
const user: ChatMessage = { role: 'user', content: 'Once' };

let model: Model;
beforeAll(async () => {
  model = await loadModel(TALES, { contextSize: 512 });
});
afterAll(() => model.dispose());

const refusal = (options: ChatOptions) => model.chat([user], { maxTokens: 1, ...options }).result;
const code = (name: string, words: string) =>
  expect.objectContaining({ code: name, message: expect.stringContaining(words) });

describe('tools', () => {
  it('reach the template, and calls as it wants them: with an object as arguments', async () => {
    const call = { id: 'call_1', type: 'function', function: { name: 'get_weather', arguments: '{"city": "Paris"}' } };
    const text = await model.applyTemplate(
      [
        user,
        { role: 'assistant', content: null, tool_calls: [call] },
        { role: 'tool', tool_call_id: 'call_1', content: '20' },
      ],
      { template, tools: [weather] },
    );
    expect(text).toContain(`${JSON.stringify(weather).replaceAll(':', ': ').replaceAll(',', ', ')}\n`);
    expect(text).toContain('{"name": "get_weather", "arguments": {"city": "Paris"}}');
    expect(text).toContain('tool: 20');
  });

  it('are refused where nobody could read the calls', async () => {
    await expect(refusal({ template: '{{ tools }}', tools: [weather] })).rejects.toEqual(
      code('UNSUPPORTED', '`tools`'),
    );
    const deaf = "{{ messages[0].content }}{{ '<tool_call>' }}";
    await expect(refusal({ template: deaf, tools: [weather] })).rejects.toEqual(
      code('UNSUPPORTED', 'reads no `tools`'),
    );
  });

  it('leave roles to the template, and refuse one that it does not name', async () => {
    const ask = (role: string) => model.applyTemplate([{ role, content: 'Hi' }], { template });
    await expect(ask('alien')).rejects.toEqual(code('BAD_USAGE', '"alien"'));
    for (const role of ['system', 'developer', 'user', 'assistant', 'tool']) expect(await ask(role)).toContain('Hi');
    const named = `{% if messages[0].role == 'alien' %}{{ messages[0].content }}{% endif %}`;
    expect(await model.applyTemplate([{ role: 'alien', content: 'Hi' }], { template: named })).toBe('Hi');
  });

  it('are taken away by the choice of none', async () => {
    const { usage } = await model.chat([user], { template, tools: [weather], toolChoice: 'none', maxTokens: 1 }).result;
    expect(usage.prompt).toBe(await model.countTokens([user], { template }));
  });

  it('may have to be called: the answer is begun as a call', async () => {
    const forced = await model.chat([user], { template, tools: [weather], toolChoice: 'required', maxTokens: 4 })
      .result;
    const free = await model.chat([user], { template, tools: [weather], maxTokens: 4 }).result;
    expect(forced.usage.prompt).toBeGreaterThan(free.usage.prompt);
    // Cut off, it is no call, and nothing of it is lost.
    expect(forced.text).toMatch(/^<tool_call>\n\{"name": "get_weather", "arguments": /);
    expect(forced.warnings).toEqual([expect.stringContaining('`toolChoice`')]);
    expect(forced).toMatchObject({ toolCalls: [], finishReason: 'length' });
  });

  it.each([
    ['hermes', template],
    ['mistral', "{{ tools }}{{ '[TOOL_CALLS]' }}{{ messages[0].content }}"],
    ['qwen-xml', "{{ tools }}{{ '<function=' }}{{ messages[0].content }}"],
    ['llama-3', "{{ tools }}{{ '<|python_tag|>' }}{{ messages[0].content }}"],
    ['gemma-4', "{{ tools }}{{ '<|tool_call>' }}{{ messages[0].content }}"],
    ['lfm2', "{{ tools }}{{ '<|tool_call_start|>' }}{{ messages[0].content }}"],
    ['deepseek', "{{ tools }}{{ '<｜DSML｜function_calls>' }}{{ messages[0].content }}"],
    ['harmony', "{{ tools }}{{ messages[0].content }}{{ '<|channel|>' and '<|start|>assistant' }}"],
  ])('are called with arguments that keep their schema, by any model: %s', async (_, written) => {
    const parameters = {
      type: 'object',
      properties: { city: { type: 'string', enum: ['Paris', 'Rome'] }, days: { type: 'integer', maximum: 9 } },
      required: ['city', 'days'],
    };
    const tool: Tool = { type: 'function', function: { name: 'get_weather', parameters, strict: true } };
    const options = { template: written, tools: [tool], toolChoice: { name: 'get_weather' }, maxTokens: 300 };
    for (const temperature of [0, 1.5]) {
      const { toolCalls, warnings } = await model.chat([user], { ...options, temperature, seed: 3 }).result;
      expect(toolCalls.length).toBe(1);
      expect(warnings.filter((warning) => !warning.includes('seed'))).toEqual([]);
      for (const { name, arguments: given } of toolCalls) {
        expect(name).toBe('get_weather');
        expect(['Paris', 'Rome']).toContain(given.city);
        expect(given.days).toBeLessThanOrEqual(9);
        expect(Number.isInteger(given.days)).toBe(true);
        expect(Object.keys(given)).toEqual(['city', 'days']);
      }
    }
  });

  it.each([
    ['hermes', template],
    ['qwen-xml', "{{ tools }}{{ '<function=' }}{{ messages[0].content }}"],
    ['gemma-4', "{{ tools }}{{ '<|tool_call>' }}{{ messages[0].content }}"],
    ['lfm2', "{{ tools }}{{ '<|tool_call_start|>' }}{{ messages[0].content }}"],
  ])('are called without arguments where their properties are empty: %s', async (_, written) => {
    const tool: Tool = { type: 'function', function: { name: 'now', parameters: { type: 'object', properties: {} } } };
    const options = { template: written, tools: [tool], toolChoice: { name: 'now' }, maxTokens: 60 };
    const { toolCalls, warnings } = await model.chat([user], { ...options, temperature: 1.5, seed: 3 }).result;
    expect(toolCalls).toMatchObject([{ name: 'now', arguments: {} }]);
    expect(Object.keys(toolCalls[0].arguments)).toEqual([]);
    expect(warnings.filter((warning) => !warning.includes('seed'))).toEqual([]);
  });

  it('stand beside a format: the answer is one or the other', async () => {
    const options = {
      template,
      tools: [weather],
      responseFormat: { type: 'choice', choices: ['no'] } as const,
      maxTokens: 120,
      parallelToolCalls: false,
    };
    const free = await model.chat([user], options).result;
    expect(free.toolCalls.length === 1 ? free.text : [free.text]).toEqual(free.toolCalls.length === 1 ? '' : ['no']);
    expect((await model.chat([user], { ...options, toolChoice: 'none' }).result).text).toBe('no');
    const forced = await model.chat([user], { ...options, toolChoice: 'required' }).result;
    expect(forced).toMatchObject({ text: '', toolCalls: [{ name: 'get_weather' }] });
  });

  it('stand alone where one has to be called: what follows is another call, or nothing', async () => {
    const chat = await loadModel(fileURLToPath(new URL('../../weights/chat', import.meta.url)), { contextSize: 1024 });
    const time: Tool = {
      type: 'function',
      function: { name: 'get_time', parameters: { type: 'object', properties: { tz: { enum: ['UTC', 'CET'] } } } },
    };
    const asked = { role: 'user', content: 'What is the weather in Paris and in Rome? And the time in UTC?' };
    let ended = 0;
    for (const seed of [1, 2, 3, 4, 5, 6]) {
      const options = {
        tools: [weather, time],
        toolChoice: 'required',
        maxTokens: 200,
        temperature: 1.3,
        seed,
      } as const;
      const { text, toolCalls, finishReason } = await chat.chat([asked], options).result;
      if (finishReason !== 'tool-calls') continue;
      ended++;
      expect(toolCalls.length).toBeGreaterThan(0);
      expect(text).toBe('');
    }
    expect(ended).toBeGreaterThan(2);
    await chat.dispose();
  });

  it('are checked', () => {
    const chat = (options: unknown) => () => model.chat([user], { template, ...(options as ChatOptions) });
    for (const tools of [
      {},
      [null],
      [{ type: 'function' }],
      [{ type: 'function', function: { name: 'a b' } }],
      [weather, weather],
    ])
      expect(chat({ tools })).toThrowError(code('BAD_USAGE', 'tools'));
    expect(chat({ tools: [{ type: 'web_search' }] })).toThrowError(code('UNSUPPORTED', 'web_search'));
    for (const toolChoice of ['any', 'required', { name: 'get_weather' }])
      expect(chat({ toolChoice })).toThrowError(code('BAD_USAGE', 'toolChoice'));
    expect(chat({ tools: [weather], parallelToolCalls: 1 })).toThrowError(code('BAD_USAGE', 'parallelToolCalls'));
    expect(chat({ tools: [weather], toolChoice: { name: 'other' } })).toThrowError(code('BAD_USAGE', 'toolChoice'));
  });
});
