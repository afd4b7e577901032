import { z } from 'zod';
import { COUNT_REQUEST, MESSAGES_REQUEST } from './messages-request.js';
import { CHAT_REQUEST, COMPLETION_REQUEST } from './requests.js';
import { RESPONSES_REQUEST } from './responses-request.js';

/** What takes a body: the path, what it does, and the schema that bodies are checked by. */
const POSTS: readonly (readonly [path: string, summary: string, schema: z.ZodType])[] = [
  ['/v1/chat/completions', 'Chats, with tools and reasoning', CHAT_REQUEST],
  ['/v1/completions', 'Continues a text, or token ids', COMPLETION_REQUEST],
  ['/v1/responses', 'Chats, by Open Responses; nothing is stored', RESPONSES_REQUEST],
  ['/v1/messages', "Chats, by Anthropic's API", MESSAGES_REQUEST],
  ['/v1/messages/count_tokens', 'Counts the tokens of a prompt', COUNT_REQUEST],
];

/** What is only looked at: the path, what it shows, its query, and the type of the answer where it is not JSON. */
const GETS: readonly (readonly [path: string, summary: string, query: readonly string[], type?: string])[] = [
  ['/v1/models', 'The models', []],
  ['/v1/models/{model}', 'A model', []],
  ['/props', 'The size of the context, as clients of llama.cpp look for it', ['model']],
  ['/activity', 'What a model does, as it does it', ['model'], 'text/event-stream'],
  ['/forecast', 'What a budget would give', ['model', 'memory']],
  ['/metrics', 'Counters for Prometheus', [], 'text/plain'],
  ['/health', 'Whether the server answers', []],
];

const json = (schema: object) => ({ 'application/json': { schema } });

const ERROR = {
  type: 'object',
  properties: {
    error: {
      type: 'object',
      properties: {
        message: { type: 'string' },
        type: { type: 'string' },
        param: { type: ['string', 'null'] },
        code: { type: ['string', 'null'] },
      },
      required: ['message', 'type'],
    },
  },
  required: ['error'],
};

/** The description of the server by OpenAPI 3.1. What bodies may hold is told by the schemas that check them. */
export function openApi(hasKey: boolean): object {
  const failed = { description: 'What was wrong', content: json(ERROR) };
  const get = ([path, summary, query, type = 'application/json']: (typeof GETS)[number]) => {
    const parameters = [
      ...(path.includes('{model}') ? [{ name: 'model', in: 'path', required: true, schema: { type: 'string' } }] : []),
      ...query.map((name) => ({ name, in: 'query', schema: { type: 'string' } })),
    ];
    const answer = { description: 'The answer', content: { [type]: {} } };
    return [path, { get: { summary, parameters, responses: { 200: answer, default: failed } } }];
  };
  const post = ([path, summary, schema]: (typeof POSTS)[number]) => {
    const body = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
    const answer = {
      description: 'The answer; as events where the body asks for a stream',
      content: { 'application/json': {}, 'text/event-stream': {} },
    };
    const requestBody = { required: true, content: json(body) };
    return [path, { post: { summary, requestBody, responses: { 200: answer, default: failed } } }];
  };
  return {
    openapi: '3.1.0',
    info: { title: 'flashrow', version: '1', description: 'Language models larger than memory, by known APIs.' },
    paths: Object.fromEntries([...POSTS.map(post), ...GETS.map(get)]),
    ...(hasKey
      ? {
          components: { securitySchemes: { key: { type: 'http', scheme: 'bearer' } } },
          security: [{ key: [] }],
        }
      : {}),
  };
}
