import { z } from 'zod';
import type { ChatMessage, ChatOptions, ContentPart, ResponseFormat, Tool } from '../index.js';
import { bytesOf } from './picture-parts.js';
import { refuse, requireTools, SCHEMA } from './requests.js';

const TEXTS = z.union([z.string(), z.array(z.looseObject({ type: z.string(), text: z.string().optional() }))]);

const BLOCK = z.looseObject({
  type: z.string(),
  text: z.string().optional(),
  thinking: z.string().optional(),
  id: z.string().optional(),
  name: z.string().optional(),
  input: z.record(z.string(), z.unknown()).optional(),
  tool_use_id: z.string().optional(),
  content: TEXTS.optional(),
  source: z
    .looseObject({ type: z.string().optional(), media_type: z.string().optional(), data: z.string().optional() })
    .optional(),
});
type Block = z.infer<typeof BLOCK>;

const COUNTED = {
  model: z.string(),
  system: TEXTS.optional(),
  messages: z.array(z.looseObject({ role: z.string(), content: z.union([z.string(), z.array(BLOCK)]) })).min(1),
  tools: z
    .array(
      z.looseObject({
        type: z.string().nullish(),
        name: z.string(),
        description: z.string().optional(),
        input_schema: z.record(z.string(), z.unknown()).optional(),
      }),
    )
    .optional(),
  tool_choice: z
    .looseObject({
      type: z.enum(['auto', 'any', 'tool', 'none']),
      name: z.string().optional(),
      disable_parallel_tool_use: z.boolean().optional(),
    })
    .optional(),
};

/** The body of `/v1/messages/count_tokens`, as Anthropic's API has it. */
export const COUNT_REQUEST = z.looseObject(COUNTED);

const FORMAT = z.looseObject({ type: z.string(), schema: SCHEMA.optional() });

/** The body of `/v1/messages`. */
export const MESSAGES_REQUEST = z.looseObject({
  ...COUNTED,
  max_tokens: z.int().min(1),
  stream: z.boolean().optional(),
  stop_sequences: z.array(z.string()).optional(),
  temperature: z.number().min(0).optional(),
  top_p: z.number().gt(0).max(1).optional(),
  top_k: z.int().min(0).optional(),
  output_config: z.looseObject({ format: FORMAT.nullish() }).nullish(),
  output_format: FORMAT.nullish(),
  thinking: z.looseObject({ type: z.string(), budget_tokens: z.int().min(0).optional() }).optional(),
});

/** Tokens of reasoning at most, as `thinking` asks for; undefined for no limit. */
export const reasoningTokens = ({ thinking }: z.infer<typeof MESSAGES_REQUEST>): number | undefined =>
  thinking?.type === 'disabled' ? 0 : thinking?.budget_tokens;

/** The format that the answer has to keep. Throws 400 for one that is no schema. */
export function formatOf(body: z.infer<typeof MESSAGES_REQUEST>): ResponseFormat | undefined {
  const isOlder = !body.output_config?.format;
  const format = isOlder ? body.output_format : body.output_config?.format;
  if (!format) return undefined;
  const param = isOlder ? 'output_format' : 'output_config.format';
  if (format.type !== 'json_schema') refuse(`${param}.type`, `is "json_schema", not ${JSON.stringify(format.type)}`);
  if (format.schema === undefined) refuse(`${param}.schema`, 'is missing');
  return { type: 'json_schema', schema: format.schema };
}

type CountRequest = z.infer<typeof COUNT_REQUEST>;

/** The conversation of a request. Throws 400 for what no model here can be given. */
export function conversationOf(body: CountRequest): { messages: ChatMessage[]; options: ChatOptions } {
  const system = body.system === undefined ? '' : textOf(body.system, 'system');
  const messages = body.messages.flatMap(({ role, content }, at) =>
    typeof content === 'string' ? [{ role, content }] : messagesOf(role, content, `messages[${at}].content`),
  );
  const last = body.messages.length - 1;
  if (body.messages[last].role === 'assistant')
    refuse(
      `messages[${last}]`,
      'is of the assistant: an answer cannot be begun for it; end with a message of the user',
    );
  const tools = (body.tools ?? []).map(toolOf);
  requireTools(tools, body.tool_choice?.type === 'any' || body.tool_choice?.type === 'tool');
  return {
    messages: system === '' ? messages : [{ role: 'system', content: system }, ...messages],
    options:
      tools.length === 0
        ? {}
        : {
            ...{ tools, toolChoice: choiceOf(body) },
            ...(body.tool_choice?.disable_parallel_tool_use ? { parallelToolCalls: false } : {}),
          },
  };
}

function toolOf({
  type,
  name,
  description,
  input_schema: parameters,
}: NonNullable<CountRequest['tools']>[number]): Tool {
  if (type && type !== 'custom') refuse('tools', `of the type ${JSON.stringify(type)} are not there`);
  return { type: 'function', function: { name, description, parameters } };
}

function choiceOf({ tool_choice: choice }: CountRequest): ChatOptions['toolChoice'] {
  if (choice?.type === 'tool') return { name: choice.name ?? '' };
  return choice?.type === 'any' ? 'required' : choice?.type;
}

function textOf(content: z.infer<typeof TEXTS>, param: string): string {
  if (typeof content === 'string') return content;
  return content
    .map((part) => part.text ?? refuse(param, `has a part of the type ${part.type}; texts are taken`))
    .join('');
}

const TAKEN: readonly string[] = ['text', 'image', 'thinking', 'redacted_thinking', 'tool_use'];

/** A text; with pictures, parts. */
function contentOf(blocks: readonly Block[], param: string): ChatMessage['content'] {
  const said = blocks.filter(({ type }) => type === 'text' || type === 'image');
  if (!said.some(({ type }) => type === 'image')) return said.map(({ text }) => text ?? '').join('');
  return said.map(({ type, text, source }): ContentPart => {
    if (type === 'text') return { type, text: text ?? '' };
    if (source?.type !== 'base64' || typeof source.data !== 'string')
      refuse(param, 'has an image that is not in Base64; nothing is fetched');
    return { type: 'image', image: bytesOf(`data:${source.media_type ?? ''};base64,${source.data}`, param) };
  });
}

/** Results of tools are messages of their own, before what the user says. */
function messagesOf(role: string, blocks: readonly Block[], param: string): ChatMessage[] {
  const results = blocks
    .filter(({ type }) => type === 'tool_result')
    .map((block) => ({
      role: 'tool',
      tool_call_id: block.tool_use_id ?? '',
      content: textOf(block.content ?? '', `${param}.content`),
    }));
  const others = blocks.filter(({ type }) => type !== 'tool_result');
  const strange = others.find(({ type }) => !TAKEN.includes(type));
  if (strange) refuse(param, `has a block of the type ${strange.type}, which is not taken`);
  if (others.length === 0) return results;
  const reasoning = others.map(({ thinking }) => thinking ?? '').join('');
  const calls = others
    .filter(({ type }) => type === 'tool_use')
    .map(({ id, name, input }) => ({ id, type: 'function', function: { name, arguments: input ?? {} } }));
  const said: ChatMessage = {
    role,
    content: contentOf(others, param),
    ...(reasoning === '' ? {} : { reasoning_content: reasoning }),
    ...(calls.length === 0 ? {} : { tool_calls: calls }),
  };
  return [...results, said];
}
