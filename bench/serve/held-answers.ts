import type { FlashrowServer } from '../../src/server/index.js';

/** Whether an answer kept what it was held to, and what it was. */
export interface HeldAnswer {
  name: string;
  kept: boolean;
  said: string;
}

const WEATHER = {
  type: 'object',
  properties: {
    city: { type: 'string' },
    unit: { enum: ['celsius', 'kelvin'] },
    days: { type: 'integer', minimum: 1 },
  },
  required: ['city', 'unit', 'days'],
  additionalProperties: false,
};
const TOOLS = [
  {
    type: 'function',
    function: { name: 'get_weather', description: 'The weather in a city.', parameters: WEATHER, strict: true },
  },
];

const isWeather = (value: Record<string, unknown>) =>
  typeof value.city === 'string' &&
  ['celsius', 'kelvin'].includes(value.unit as string) &&
  Number.isInteger(value.days) &&
  (value.days as number) >= 1 &&
  Object.keys(value).length === 3;

interface Message {
  content: string | null;
  tool_calls?: { function: { name: string; arguments: string } }[];
}

/** Asks for tools left to the model, forced ones, and a schema: 5 seeds each. */
export async function heldAnswers(server: FlashrowServer): Promise<HeldAnswer[]> {
  const format = { type: 'json_schema', json_schema: { name: 'weather', schema: WEATHER } };
  const cases: [string, object, (message: Message) => boolean][] = [
    ['tool, left to the model', { tools: TOOLS }, (message) => (message.tool_calls ?? []).every(keepsSchema)],
    ['tool, forced', { tools: TOOLS, tool_choice: 'required', parallel_tool_calls: false }, isOneCall],
    ['tool, named', { tools: TOOLS, tool_choice: { type: 'function', function: { name: 'get_weather' } } }, isOneCall],
    ['schema', { response_format: format }, ({ content }) => isWeather(JSON.parse(content ?? ''))],
  ];
  const answers: HeldAnswer[] = [];
  for (const [name, options, keeps] of cases)
    for (let seed = 0; seed < 5; seed++) {
      const message = await ask(server, { ...options, seed, temperature: seed === 0 ? 0 : 0.8 });
      answers.push({ name, kept: keeps(message), said: JSON.stringify(message.tool_calls ?? message.content) });
    }
  return answers;
}

const isOneCall = ({ tool_calls: calls = [] }: Message) => calls.length === 1 && keepsSchema(calls[0]);

const keepsSchema = ({ function: called }: NonNullable<Message['tool_calls']>[number]) =>
  called.name === 'get_weather' && isWeather(JSON.parse(called.arguments));

async function ask(server: FlashrowServer, options: object): Promise<Message> {
  const messages = [{ role: 'user', content: 'What will the weather be in Oslo in the next 3 days, in celsius?' }];
  const body = JSON.stringify({ messages, max_tokens: 200, ...options });
  const response = await server.fetch(new Request('http://localhost/v1/chat/completions', { method: 'POST', body }));
  const answer = (await response.json()) as { choices?: { message: Message }[]; error?: { message: string } };
  if (!answer.choices) throw new Error(answer.error?.message);
  return answer.choices[0].message;
}
