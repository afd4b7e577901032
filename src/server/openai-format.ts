import { randomUUID } from 'node:crypto';
import type { GenerationResult } from '../index.js';
import { sseData } from './answer-format.js';

/** What a request asks of the form of its answer. */
export interface OpenAiForm {
  model: string;
  /** A last chunk with the usage. */
  includeUsage: boolean;
  /** Whether the tokens are told with their log-probabilities. */
  logprobs: boolean;
}

const FINISH_REASONS: Readonly<Record<string, string>> = { 'tool-calls': 'tool_calls', length: 'length' };
export const finishReason = (result: GenerationResult) => FINISH_REASONS[result.finishReason] ?? 'stop';

const sumOf = (results: readonly GenerationResult[], count: (usage: GenerationResult['usage']) => number) =>
  results.reduce((sum, { usage }) => sum + count(usage), 0);

/** Usage as OpenAI's API writes it: the prompt counts once, however many choices there are. */
export function usageOf(results: readonly GenerationResult[]) {
  const [{ usage }] = results;
  const completion = sumOf(results, (each) => each.completion);
  return {
    prompt_tokens: usage.prompt,
    completion_tokens: completion,
    total_tokens: usage.prompt + completion,
    prompt_tokens_details: { cached_tokens: usage.cached },
    completion_tokens_details: { reasoning_tokens: sumOf(results, (each) => each.reasoning) },
  };
}

/** What an answer cost; `timings` is what user interfaces made for llama.cpp read. */
export function costOf({ usage, receipt, seed, warnings, boxes }: GenerationResult) {
  const perSecond = { prompt: receipt.prefillTokensPerSecond, predicted: receipt.decodeTokensPerSecond };
  const run = usage.prompt - usage.cached;
  const ms = (tokens: number, speed: number | null) => (speed === null ? null : (1000 * tokens) / speed);
  return {
    timings: {
      cache_n: usage.cached,
      prompt_n: run,
      prompt_ms: ms(run, perSecond.prompt),
      prompt_per_second: perSecond.prompt,
      predicted_n: usage.completion,
      predicted_ms: ms(usage.completion, perSecond.predicted),
      predicted_per_second: perSecond.predicted,
    },
    flashrow: { receipt, seed, warnings, ...(boxes && { boxes }) },
  };
}

/** An answer of one choice has its cost beside the choices; of several, each has its own. */
export function withCosts<Choice extends object>(
  results: readonly GenerationResult[],
  choiceOf: (result: GenerationResult, index: number) => Choice,
): object {
  if (results.length === 1) return { choices: [choiceOf(results[0], 0)], ...costOf(results[0]) };
  return { choices: results.map((result, index) => ({ ...choiceOf(result, index), ...costOf(result) })) };
}

export const headOf = (kind: string, model: string) => ({
  id: `${kind}-${randomUUID().replaceAll('-', '')}`,
  created: Math.floor(Date.now() / 1000),
  model,
  system_fingerprint: 'flashrow',
});

/** The last events of a stream. `head` is what every chunk begins with. */
export function streamEnd({ includeUsage }: OpenAiForm, head: object, results: readonly GenerationResult[]): string {
  const usage = { ...head, choices: [], usage: usageOf(results) };
  return `${includeUsage ? sseData(usage) : ''}data: [DONE]\n\n`;
}
