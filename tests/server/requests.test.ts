import { expect, it } from 'vitest';
import {
  MESSAGES_REQUEST,
  conversationOf as ofMessages,
  reasoningTokens,
} from '../../dist/src/server/messages-request.js';
import { conversationOf as ofResponses } from '../../dist/src/server/responses-request.js';

const call = (given: unknown) => ({ id: 'call_1', type: 'function', function: { name: 'f', arguments: given } });

it("a conversation of Anthropic's is one of messages with roles", () => {
  const { messages, options } = ofMessages({
    ...{
      model: 'm',
      system: [
        { type: 'text', text: 'Be ' },
        { type: 'text', text: 'brief.' },
      ],
    },
    messages: [
      { role: 'user', content: 'Hi' },
      {
        role: 'assistant',
        content: [
          { type: 'thinking', thinking: 'Call it.', signature: '' },
          { type: 'text', text: 'Wait.' },
          { type: 'tool_use', id: 'call_1', name: 'f', input: { x: 1 } },
        ],
      },
      {
        role: 'user',
        content: [
          { type: 'tool_result', tool_use_id: 'call_1', content: [{ type: 'text', text: '2' }] },
          { type: 'text', text: 'And?' },
        ],
      },
    ],
    tools: [{ name: 'f', description: 'F', input_schema: { type: 'object' } }],
    tool_choice: { type: 'any' },
  });
  expect(messages).toEqual([
    { role: 'system', content: 'Be brief.' },
    { role: 'user', content: 'Hi' },
    { role: 'assistant', content: 'Wait.', reasoning_content: 'Call it.', tool_calls: [call({ x: 1 })] },
    { role: 'tool', tool_call_id: 'call_1', content: '2' },
    { role: 'user', content: 'And?' },
  ]);
  expect(options).toEqual({
    tools: [{ type: 'function', function: { name: 'f', description: 'F', parameters: { type: 'object' } } }],
    toolChoice: 'required',
  });
  const image = { role: 'user', content: [{ type: 'image', source: {} }] };
  expect(() => ofMessages({ model: 'm', messages: [image] })).toThrowError(/image/);
  const source = { type: 'base64', media_type: 'image/png', data: 'iVBORw==' };
  const seen = [
    { type: 'text', text: 'Look: ' },
    { type: 'image', source },
  ];
  expect(ofMessages({ model: 'm', messages: [{ role: 'user', content: seen }] }).messages).toEqual([
    {
      role: 'user',
      content: [
        { type: 'text', text: 'Look: ' },
        { type: 'image', image: Buffer.from('iVBORw==', 'base64') },
      ],
    },
  ]);
  const asked = { model: 'm', max_tokens: 9, messages: [{ role: 'user', content: 'x' }] };
  const thinks = (thinking?: object) => reasoningTokens(MESSAGES_REQUEST.parse({ ...asked, thinking }));
  expect([thinks(), thinks({ type: 'enabled', budget_tokens: 1024 }), thinks({ type: 'adaptive' })]).toEqual([
    ...[undefined, 1024, undefined],
  ]);
  expect(thinks({ type: 'disabled' })).toBe(0);
  const search = [{ type: 'web_search_20250305', name: 'web_search' }];
  expect(() => ofMessages({ model: 'm', messages: [{ role: 'user', content: 'x' }], tools: search })).toThrowError(
    /web_search/,
  );
});

it('items of the responses API are messages: a turn is one', () => {
  const { messages, options } = ofResponses({
    instructions: 'Be brief.',
    input: [
      { role: 'user', content: [{ type: 'input_text', text: 'Hi' }] },
      { type: 'reasoning', summary: [], content: [{ type: 'reasoning_text', text: 'Call it.' }] },
      { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'Wait.' }] },
      { type: 'function_call', call_id: 'call_1', name: 'f', arguments: '{"x":1}' },
      { type: 'function_call_output', call_id: 'call_1', output: '2' },
    ],
    tools: [{ type: 'function', name: 'f', parameters: { type: 'object' } }],
    tool_choice: { type: 'function', name: 'f' },
    reasoning: { effort: 'low' },
  });
  expect(messages).toEqual([
    { role: 'system', content: 'Be brief.' },
    { role: 'user', content: 'Hi' },
    { role: 'assistant', content: 'Wait.', reasoning_content: 'Call it.', tool_calls: [call('{"x":1}')] },
    { role: 'tool', tool_call_id: 'call_1', content: '2' },
  ]);
  expect(options).toMatchObject({ toolChoice: { name: 'f' }, templateVariables: { reasoning_effort: 'low' } });
  const schema = { type: 'object' };
  const format = { type: 'json_schema' as const, schema };
  expect(ofResponses({ input: 'x', text: { format } }).options.responseFormat).toEqual(format);
  const uri = 'data:image/png;base64,iVBORw==';
  const seen = [
    { type: 'input_text', text: 'Look: ' },
    { type: 'input_image', image_url: uri },
  ];
  expect(ofResponses({ input: [{ role: 'user', content: seen }] }).messages[0].content).toEqual([
    { type: 'text', text: 'Look: ' },
    { type: 'image', image: Buffer.from('iVBORw==', 'base64') },
  ]);
  expect(() => ofResponses({ input: 'x', max_tool_calls: 2 })).toThrowError(/max_tool_calls/);
  for (const odd of [{ previous_response_id: 'r' }, { background: true }])
    expect(() => ofResponses({ input: 'x', ...odd })).toThrowError(/known|had/);
  expect(() => ofResponses({ input: 'x', tools: [{ type: 'web_search' }] })).toThrowError(/web_search/);
});
