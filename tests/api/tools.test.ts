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
    const mistral = "{{ tools }}{{ '[TOOL_CALLS]' }}";
    await expect(refusal({ template: mistral, tools: [weather], toolChoice: 'required' })).rejects.toEqual(
      code('UNSUPPORTED', '`toolChoice`'),
    );
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
    // The model tells tales. What it makes of the beginning of a call is none, and nothing of it is lost.
    expect(forced.text).toMatch(/^<tool_call>\n\{"name": "get_weather", "arguments": /);
    expect(forced.warnings).toEqual([expect.stringContaining('`toolChoice`')]);
    expect(forced).toMatchObject({ toolCalls: [], finishReason: 'length' });
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
    expect(chat({ tools: [weather], toolChoice: { name: 'other' } })).toThrowError(code('BAD_USAGE', 'toolChoice'));
  });
});
