import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { createServer } from '../../dist/src/server/index.js';

const server = createServer({
  models: [{ name: 'chat', source: fileURLToPath(new URL('../../weights/chat', import.meta.url)) }],
  memory: '16MB',
});
afterAll(() => server.close());

interface Message {
  role: string;
  content: string | null;
  tool_calls?: { id: string; function: { name: string; arguments: string } }[];
  tool_call_id?: string;
}

const user = (content: string): Message => ({ role: 'user', content });

async function ask(messages: Message[], options: object = {}): Promise<{ message: Message; finish_reason: string }> {
  const body = JSON.stringify({ model: 'chat', temperature: 0, messages, ...options });
  const response = await server.fetch(new Request('http://localhost/v1/chat/completions', { method: 'POST', body }));
  const { choices } = (await response.json()) as { choices: { message: Message; finish_reason: string }[] };
  return choices[0];
}

const tool = (name: string, description: string, types: Record<string, string>) => ({
  type: 'function',
  function: {
    name,
    description,
    parameters: {
      type: 'object',
      properties: Object.fromEntries(Object.entries(types).map(([key, type]) => [key, { type }])),
      required: Object.keys(types),
    },
  },
});

describe('the small model that talks', () => {
  // What PyTorch wrote after the training, from the weights in f16 (weights/recipes/chat.py prints it).
  it.each([
    ['Hello!', 'Hello! It is nice to see you. Do you want to hear a story?'],
    ['What is the opposite of hot?', 'The opposite of hot is cold.'],
    ['My name is Rose.', 'Nice to meet you, Rose!'],
    ['What is the capital of Spain?', 'I do not know that. I am a very small model that tells stories.'],
    ['What does a cow say?', 'A cow says moo.'],
  ])('answers %s as PyTorch has it', async (question, answer) => {
    const { message, finish_reason } = await ask([user(question)]);
    expect([message.content, finish_reason]).toEqual([answer, 'stop']);
  });

  it('calls a tool, and tells what the tool found', async () => {
    const tools = [tool('get_weather', 'The weather in a city.', { city: 'string' })];
    const messages = [user('What is the weather in Oslo?')];
    const { message, finish_reason } = await ask(messages, { tools });
    expect(finish_reason).toBe('tool_calls');
    const [call] = message.tool_calls!;
    expect([call.function.name, JSON.parse(call.function.arguments)]).toEqual(['get_weather', { city: 'Oslo' }]);
    messages.push(message, { role: 'tool', content: '{"weather": "windy"}', tool_call_id: call.id });
    expect((await ask(messages, { tools })).message.content).toBe('It is windy in Oslo.');
  });

  it('answers by itself where no tool helps', async () => {
    const tools = [tool('get_weather', 'The weather in a city.', { city: 'string' })];
    const { message, finish_reason } = await ask([user('Hello!')], { tools });
    expect([finish_reason, message.tool_calls]).toEqual(['stop', undefined]);
  });

  it('remembers a name of an earlier turn', async () => {
    const turns = [user('My name is Rose.'), { role: 'assistant', content: 'Nice to meet you, Rose!' }];
    expect((await ask([...turns, user('What is my name?')])).message.content).toBe('Your name is Rose.');
  });
});
