import { readFileSync } from 'node:fs';
import type { Receipt } from '../../src/index.js';
import type { ReplayTuning } from '../../src/plan/model-options.js';
import { percentile } from '../statistics.js';

/** The task of a contender, which runs in its own process: `node SCRIPT '<json>'`. */
export interface Task {
  /** A store for flashrow, a GGUF file for llama.cpp. */
  model: string;
  /** Ids of the prompt whose speed counts. */
  prompt: number[];
  /** Tokens that are timed, after the first. */
  newTokens: number;
  contextSize: number;
  threads: number;
  /** flashrow's budget; others have the cap alone. */
  memoryBytes: number;
  tuning: ReplayTuning;
  /** The folder that llama.cpp is installed in. */
  peers: string;
}

/** The answer of a contender, as one line of JSON. */
export interface Answer {
  loadSeconds: number;
  /** From the start of the load to the first token of a cold model, whose prompt is one token. */
  coldTokenSeconds: number;
  promptTokensPerSecond: number;
  tokensPerSecond: number;
  tokenMs: { p50: number | null; p95: number | null; p99: number | null };
  /**
   * Bytes that the process had the kernel read from disk per timed token; null where there is no /proc/self/io.
   */
  diskBytesPerToken: number | null;
  /** flashrow's receipt of the timed generation. */
  receipt?: Receipt;
}

export const task = (): Task => JSON.parse(process.argv[2]);

/** Starts a generation of `count` tokens or more. */
export type Generate = (prompt: number[], count: number) => AsyncIterable<unknown>;

/**
 * Times every contender in the same way: a cold generation of two tokens, then the timed one. Tokens are timed as they
 * reach the caller. The first token counts as the prompt's. The prompts have no common beginning, so that nothing can
 * be reused.
 */
export async function timeContender(
  { prompt, newTokens }: Task,
  startedAt: number,
  generate: Generate,
): Promise<Omit<Answer, 'receipt'>> {
  const loadedAt = performance.now();
  const [coldMs] = await timeTokens(generate([prompt[0] + 1], 2), 2);
  let readBefore: number | null = null;
  const times = await timeTokens(generate(prompt, newTokens + 1), newTokens + 1, () => {
    readBefore = bytesReadFromDisk();
  });
  const readAfter = bytesReadFromDisk();
  const [firstMs, ...tokenMs] = times;
  return {
    loadSeconds: (loadedAt - startedAt) / 1e3,
    coldTokenSeconds: (loadedAt - startedAt + coldMs) / 1e3,
    promptTokensPerSecond: (prompt.length * 1e3) / firstMs,
    tokensPerSecond: (tokenMs.length * 1e3) / tokenMs.reduce((sum, ms) => sum + ms, 0),
    tokenMs: { p50: percentile(tokenMs, 0.5), p95: percentile(tokenMs, 0.95), p99: percentile(tokenMs, 0.99) },
    diskBytesPerToken: readBefore === null || readAfter === null ? null : (readAfter - readBefore) / tokenMs.length,
  };
}

/** Ms from one token to the next, for the first `count` tokens. A contender that gives more may finish. */
async function timeTokens(tokens: AsyncIterable<unknown>, count: number, onFirst?: () => void): Promise<number[]> {
  const times: number[] = [];
  let last = performance.now();
  for await (const _ of tokens) {
    if (times.length === count) continue;
    const now = performance.now();
    times.push(now - last);
    last = now;
    if (times.length === 1) onFirst?.();
  }
  if (times.length < count) throw new Error(`${times.length} tokens came, not ${count}`);
  return times;
}

function bytesReadFromDisk(): number | null {
  try {
    return Number(/^read_bytes: (\d+)/m.exec(readFileSync('/proc/self/io', 'latin1'))![1]);
  } catch {
    return null;
  }
}
