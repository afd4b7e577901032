import { contentOf } from './message-content.js';
import type { Box, Shown } from './picture.js';
import { ask, eventsOf, ServerFailure } from './server.js';

/** What an answer cost, as the server tells it. */
export interface Cost {
  receipt: {
    selector: string;
    bundlesHit: number;
    bundlesMissed: number;
    payloadBytesRead: { prefill: number; decode: number };
    deviceBytesRead: { prefill: number; decode: number };
    prefillTokensPerSecond: number | null;
    decodeTokensPerSecond: number | null;
    memoryBytes: number;
    readWaitMs: number;
    ffnMs: number;
    denseMs: number;
    otherMs: number;
  };
  warnings: string[];
  /** What the answer names in the last picture. */
  boxes?: Box[];
}

export interface Usage {
  prompt_tokens: number;
  completion_tokens: number;
  prompt_tokens_details?: { cached_tokens: number };
}

/** One message of a conversation, as the page holds it. */
export interface Turn {
  id: number;
  role: 'user' | 'assistant';
  text: string;
  reasoning: string;
  state: 'done' | 'waiting' | 'writing' | 'stopped' | 'failed';
  /** Why it ended, as the API says it. */
  finish: string | null;
  failure: string | null;
  cost: Cost | null;
  usage: Usage | null;
  /** Of a question: the picture that goes with it. Of an answer: the last one before it. */
  picture: Shown | null;
}

export interface Settings {
  /** Empty for no limit. */
  maxTokens: string;
  /** Empty for the model's own. */
  temperature: string;
}

interface Chunk {
  choices?: {
    text?: string;
    delta?: { content?: string | null; reasoning_content?: string | null };
    finish_reason?: string | null;
  }[];
  usage?: Usage | null;
  flashrow?: Cost;
  error?: { message?: string };
}

interface Asked {
  model: string;
  /** Whether it can chat; else it goes on with the last text. */
  hasTemplate: boolean;
  turns: readonly Turn[];
  settings: Settings;
  signal: AbortSignal;
}

/** Has the model answer the last of `turns`, and changes `answer` as it comes. Throws what `ask` throws. */
export async function answer(
  { model, hasTemplate, turns, settings, signal }: Asked,
  turn: Turn,
  changed: () => void,
): Promise<void> {
  const number = (text: string) => (text.trim() === '' ? undefined : Number(text));
  const body = {
    ...{ model, stream: true, stream_options: { include_usage: true } },
    ...{ max_tokens: number(settings.maxTokens), temperature: number(settings.temperature) },
    ...(hasTemplate ? { messages: messagesOf(turns) } : { prompt: turns.at(-1)!.text }),
  };
  const response = await ask(hasTemplate ? '/v1/chat/completions' : '/v1/completions', { body, signal });
  for await (const { data } of eventsOf(response)) {
    if (data !== null) take(turn, data as Chunk);
    changed();
  }
  // A connection that breaks ends the stream without a word.
  if (turn.finish === null) throw new ServerFailure(0, 'the connection broke off');
}

function take(turn: Turn, { choices, usage, flashrow, error }: Chunk): void {
  if (error) throw new ServerFailure(0, error.message ?? 'the model failed');
  const [choice] = choices ?? [];
  turn.text += choice?.delta?.content ?? choice?.text ?? '';
  turn.reasoning += choice?.delta?.reasoning_content ?? '';
  if (turn.text !== '' || turn.reasoning !== '') turn.state = 'writing';
  if (choice?.finish_reason) turn.finish = choice.finish_reason;
  if (flashrow) turn.cost = flashrow;
  if (usage) turn.usage = usage;
}

/** Answers that failed before they began are left out, with what they were asked. */
const messagesOf = (turns: readonly Turn[]) =>
  turns
    .filter(({ role, text }, at) => text !== '' && (role === 'assistant' || turns[at + 1]?.text !== ''))
    .map((turn) => ({ role: turn.role, content: turn.role === 'user' ? contentOf(turn) : turn.text }));
