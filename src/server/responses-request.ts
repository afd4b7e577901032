import { z } from 'zod';
import type { ChatMessage, ChatOptions, ContentPart, Tool } from '../index.js';
import { bytesOf } from './picture-parts.js';
import { refuseFields } from './refused-fields.js';
import { refuse, refuseSomeTools, requireTools, SCHEMA, takenFormat } from './requests.js';

const CONTENT = z.union([z.string(), z.array(z.looseObject({ type: z.string(), text: z.string().optional() }))]);

const ITEM = z.looseObject({
  type: z.string().optional(),
  role: z.string().optional(),
  content: CONTENT.nullish(),
  summary: CONTENT.nullish(),
  call_id: z.string().optional(),
  name: z.string().optional(),
  arguments: z.string().optional(),
  output: CONTENT.optional(),
});
type Item = z.infer<typeof ITEM>;

/** What `include` names for the log-probabilities of the answer. */
const LOGPROBS = 'message.output_text.logprobs';

const FORMAT = z.discriminatedUnion(
  'type',
  [
    z.looseObject({ type: z.enum(['text', 'json_object']) }),
    z.looseObject({ type: z.literal('json_schema'), schema: SCHEMA }),
  ],
  { error: takenFormat },
);

/** The body of `/v1/responses`, as Open Responses has it. */
export const RESPONSES_REQUEST = z.looseObject({
  model: z.string().nullish(),
  input: z.union([z.string(), z.array(ITEM).min(1)]),
  instructions: z.string().nullish(),
  tools: z
    .array(
      z.looseObject({
        type: z.string(),
        name: z.string().optional(),
        description: z.string().nullish(),
        parameters: z.record(z.string(), z.unknown()).nullish(),
        strict: z.boolean().nullish(),
      }),
    )
    .nullish(),
  tool_choice: z
    .union([z.enum(['none', 'auto', 'required']), z.looseObject({ type: z.string(), name: z.string().optional() })])
    .nullish(),
  parallel_tool_calls: z.boolean().nullish(),
  max_output_tokens: z.int().min(1).nullish(),
  temperature: z.number().min(0).nullish(),
  top_p: z.number().gt(0).max(1).nullish(),
  stream: z.boolean().nullish(),
  text: z.looseObject({ format: FORMAT.nullish() }).nullish(),
  reasoning: z.looseObject({ effort: z.string().nullish() }).nullish(),
  previous_response_id: z.string().nullish(),
  conversation: z.unknown().optional(),
  background: z.boolean().nullish(),
  top_logprobs: z.int().min(0).max(100).nullish(),
  include: z.array(z.string()).nullish(),
  presence_penalty: z.number().nullish(),
  frequency_penalty: z.number().nullish(),
  max_tool_calls: z.int().min(1).nullish(),
  metadata: z.record(z.string(), z.unknown()).nullish(),
  safety_identifier: z.string().nullish(),
  prompt_cache_key: z.string().nullish(),
});
export type ResponsesRequest = z.infer<typeof RESPONSES_REQUEST>;

/** The conversation of a request. Throws 400 for what is not there. */
export function conversationOf(body: ResponsesRequest): { messages: ChatMessage[]; options: ChatOptions } {
  refuseFields('responses', body);
  refuseSomeTools(body.tool_choice);
  if (body.previous_response_id)
    refuse('previous_response_id', 'is not known: nothing is stored; send all of the input');
  if (body.conversation) refuse('conversation', 'is not known: nothing is stored; send all of the input');
  if (body.background) refuse('background', 'cannot be had');
  const { max_tool_calls: mostCalls, top_logprobs: topLogprobs } = body;
  if (mostCalls && mostCalls > 1) refuse('max_tool_calls', 'above 1 cannot be kept; leave it out for any number');
  const given = typeof body.input === 'string' ? [{ role: 'user', content: body.input }] : messagesOf(body.input);
  const messages = body.instructions ? [{ role: 'system', content: body.instructions }, ...given] : given;
  const tools = (body.tools ?? []).map(toolOf);
  requireTools(tools, body.tool_choice === 'required' || (typeof body.tool_choice === 'object' && !!body.tool_choice));
  return {
    messages,
    options: {
      ...{ maxTokens: body.max_output_tokens ?? undefined, temperature: body.temperature ?? undefined },
      topP: body.top_p ?? undefined,
      ...(topLogprobs || body.include?.includes(LOGPROBS) ? { logprobs: true, topLogprobs: topLogprobs ?? 0 } : {}),
      ...{ presencePenalty: body.presence_penalty ?? undefined, frequencyPenalty: body.frequency_penalty ?? undefined },
      responseFormat: formatOf(body),
      ...(tools.length > 0
        ? {
            tools,
            toolChoice: choiceOf(body),
            parallelToolCalls: mostCalls === 1 ? false : (body.parallel_tool_calls ?? undefined),
          }
        : {}),
      ...(body.reasoning?.effort ? { templateVariables: { reasoning_effort: body.reasoning.effort } } : {}),
    },
  };
}

function formatOf({ text }: ResponsesRequest): ChatOptions['responseFormat'] {
  const format = text?.format;
  if (!format) return undefined;
  return format.type === 'json_schema' ? { type: 'json_schema', schema: format.schema } : { type: format.type };
}

function toolOf({ type, name, description, parameters, strict }: NonNullable<ResponsesRequest['tools']>[number]): Tool {
  if (type !== 'function') refuse('tools', `of the type ${JSON.stringify(type)} are not there; functions are`);
  return {
    type: 'function',
    function: {
      ...{ name: name ?? '', description: description ?? undefined, parameters: parameters ?? undefined },
      ...(strict ? { strict } : {}),
    },
  };
}

function choiceOf({ tool_choice: choice }: ResponsesRequest): ChatOptions['toolChoice'] {
  return typeof choice === 'object' && choice !== null ? { name: choice.name ?? '' } : (choice ?? undefined);
}

function textOf(content: z.infer<typeof CONTENT> | null | undefined, param: string): string {
  if (typeof content === 'string') return content;
  return (content ?? [])
    .map(({ type, text }) => text ?? refuse(param, `has a part of the type ${type}, which is not taken`))
    .join('');
}

/** A text; with pictures, parts. */
function contentOf(content: z.infer<typeof CONTENT> | null | undefined, param: string): ChatMessage['content'] {
  if (!Array.isArray(content) || !content.some(({ type }) => type === 'input_image')) return textOf(content, param);
  return content.map((part, index): ContentPart => {
    const at = `${param}[${index}]`;
    if (part.type === 'input_image' && !part.image_url && part.file_id)
      refuse(`${at}.file_id`, 'is not known: no files are stored; send image_url, with a data URI');
    if (part.type === 'input_image') return { type: 'image', image: bytesOf(part.image_url, `${at}.image_url`) };
    return { type: 'text', text: textOf([part], at) };
  });
}

/** Items one by one; reasoning, words and calls of one turn are one message of the assistant's. */
function messagesOf(items: readonly Item[]): ChatMessage[] {
  const messages: ChatMessage[] = [];
  const turn = (): ChatMessage => {
    const last = messages[messages.length - 1];
    if (last?.role === 'assistant') return last;
    messages.push({ role: 'assistant', content: '' });
    return messages[messages.length - 1];
  };
  for (const [at, item] of items.entries()) {
    const { type = 'message', role = 'user' } = item;
    const text = () => textOf(item.content, `input[${at}].content`);
    if (type === 'message' && role === 'assistant') {
      const message = turn();
      message.content = `${message.content}${text()}`;
    } else if (type === 'message') messages.push({ role, content: contentOf(item.content, `input[${at}].content`) });
    else if (type === 'reasoning') turn().reasoning_content = text() || textOf(item.summary, `input[${at}].summary`);
    else if (type === 'function_call') {
      const call = { id: item.call_id, type: 'function', function: { name: item.name, arguments: item.arguments } };
      const message = turn();
      message.tool_calls = [...((message.tool_calls as unknown[] | undefined) ?? []), call];
    } else if (type === 'function_call_output')
      messages.push({
        role: 'tool',
        tool_call_id: item.call_id ?? '',
        content: textOf(item.output, `input[${at}].output`),
      });
    else refuse(`input[${at}]`, `is of the type ${JSON.stringify(type)}, which is not taken`);
  }
  return messages;
}
