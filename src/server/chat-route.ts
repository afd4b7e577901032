import type { ChatMessage, ChatOptions, Tool } from '../index.js';
import { ChatFormat } from './chat-format.js';
import type { ModelPool } from './model-pool.js';
import { withPictures } from './picture-parts.js';
import { refuseBestOf, refuseFields } from './refused-fields.js';
import {
  CHAT_REQUEST,
  type ChatRequest,
  generateOptions,
  readBody,
  reasoningAtMost,
  refuse,
  refuseSomeTools,
  requireTools,
  seedOf,
} from './requests.js';
import type { Job } from './respond.js';

/** `POST /v1/chat/completions`. */
export async function chatJob(request: Request, pool: ModelPool): Promise<Job> {
  const body = await readBody(request, CHAT_REQUEST);
  const pooled = pool.find(body.model);
  const { messages, options } = conversationOf(body);
  return chatOf(pooled, messages, options, {
    stream: body.stream === true,
    choices: body.n ?? 1,
    format: new ChatFormat({
      model: pooled.name,
      includeUsage: body.stream_options?.include_usage === true,
      logprobs: body.logprobs === true,
    }),
  });
}

/** A job that continues a conversation. */
export function chatOf(
  pooled: Job['pooled'],
  messages: ChatMessage[],
  options: ChatOptions,
  { stream, format, choices = 1 }: Pick<Job, 'stream' | 'format'> & Partial<Pick<Job, 'choices'>>,
): Job {
  requireTool(options);
  const { template, maxReasoningTokens } = pooled;
  return {
    ...{ pooled, stream, format, choices },
    count: (model) => model.countTokens(messages, { ...options, template }),
    begin: (model, signal, choice) =>
      model.chat(messages, {
        ...{ ...options, seed: seedOf(options.seed, choice), template, signal },
        maxReasoningTokens: options.maxReasoningTokens ?? maxReasoningTokens,
      }),
  };
}

/** Throws 400 for a call that is asked for of a tool that is not there. */
function requireTool({ tools = [], toolChoice }: ChatOptions): void {
  if (typeof toolChoice !== 'object') return;
  const names = tools.map((tool) => tool.function?.name);
  if (names.includes(toolChoice.name)) return;
  const there = names.length > 0 ? `there is ${names.join(', ')}` : 'there are none';
  refuse('tool_choice', `asks for the tool ${JSON.stringify(toolChoice.name)}, which is not in tools: ${there}`);
}

function conversationOf(body: ChatRequest): { messages: ChatMessage[]; options: ChatOptions } {
  if (body.top_logprobs && !body.logprobs) refuse('top_logprobs', 'goes with logprobs: true');
  refuseFields('chat', body);
  refuseBestOf(body);
  refuseSomeTools(body.tool_choice);
  requireTools(body.tools, body.tool_choice === 'required' || typeof body.tool_choice === 'object');
  const variables = {
    ...body.chat_template_kwargs,
    ...(body.reasoning_effort === undefined ? {} : { reasoning_effort: body.reasoning_effort }),
  };
  return {
    messages: body.messages.map(withoutNulls).map(withPictures),
    options: {
      ...generateOptions(body),
      ...(body.logprobs ? { logprobs: true, topLogprobs: body.top_logprobs } : {}),
      maxReasoningTokens: reasoningAtMost(body.thinking_budget_tokens ?? body.reasoning_budget_tokens),
      ...(body.tools?.length
        ? {
            tools: body.tools as unknown as Tool[],
            toolChoice: toolChoiceOf(body),
            parallelToolCalls: body.parallel_tool_calls,
          }
        : {}),
      ...(Object.keys(variables).length > 0 ? { templateVariables: variables } : {}),
    },
  };
}

/** Clients write null for what a message does not have. */
const withoutNulls = (message: ChatRequest['messages'][number]): ChatMessage =>
  Object.fromEntries(
    Object.entries(message).filter(([name, value]) => name === 'content' || (value !== null && value !== undefined)),
  ) as unknown as ChatMessage;

function toolChoiceOf({ tool_choice: choice }: ChatRequest): ChatOptions['toolChoice'] {
  if (typeof choice !== 'object') return choice;
  return 'function' in choice ? { name: (choice.function as { name: string }).name } : undefined;
}
