import { chatOf } from './chat-route.js';
import { MessagesFormat } from './messages-format.js';
import { COUNT_REQUEST, conversationOf, formatOf, MESSAGES_REQUEST, reasoningTokens } from './messages-request.js';
import type { ModelPool } from './model-pool.js';
import { readBody } from './requests.js';
import type { Job } from './respond.js';

/** `POST /v1/messages`, of Anthropic's API. */
export async function messagesJob(request: Request, pool: ModelPool): Promise<Job> {
  const body = await readBody(request, MESSAGES_REQUEST);
  const pooled = pool.find(body.model);
  const { messages, options } = conversationOf(body);
  const stop = (body.stop_sequences ?? []).filter((text) => text !== '');
  const drawn = {
    ...{ maxTokens: body.max_tokens, temperature: body.temperature, topP: body.top_p, topK: body.top_k },
    stop: stop.length > 0 ? stop : undefined,
    maxReasoningTokens: reasoningTokens(body),
    responseFormat: formatOf(body),
  };
  const form = { stream: body.stream === true, format: new MessagesFormat(pooled.name) };
  return chatOf(pooled, messages, { ...options, ...drawn }, form);
}

/** `POST /v1/messages/count_tokens`. */
export async function countTokens(request: Request, pool: ModelPool): Promise<{ input_tokens: number }> {
  const body = await readBody(request, COUNT_REQUEST);
  const pooled = pool.find(body.model);
  const { messages, options } = conversationOf(body);
  const lease = await pool.lease(pooled, request.signal);
  try {
    const job = chatOf(pooled, messages, options, { stream: false, format: new MessagesFormat(pooled.name) });
    return { input_tokens: await job.count(lease.model) };
  } finally {
    lease.release();
  }
}
