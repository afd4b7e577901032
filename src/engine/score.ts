import type { Engine } from './engine.js';
import type { Caller } from './rounds/rounds.js';
import { checkNumber } from './sampler.js';

/** The `topK` likeliest ids of logits[vocabSize], best first, each with its natural-log probability. */
export function topLogProbabilities(logits: Float32Array, topK: number): [number, number][] {
  const normalizer = logSumExp(logits);
  const least = leastOfBest(logits, topK);
  const ids: number[] = [];
  for (let id = 0; id < logits.length; id++) if (logits[id] >= least) ids.push(id);
  ids.sort((a, b) => logits[b] - logits[a] || a - b);
  return ids.slice(0, topK).map((id) => [id, logits[id] - normalizer]);
}

/** The `count`-th largest of `logits`; the smallest where there are fewer. */
function leastOfBest(logits: Float32Array, count: number): number {
  // Sorted, as floats are sorted without a function that compares them: many times as fast, and without garbage.
  return Float32Array.from(logits).sort()[Math.max(0, logits.length - count)];
}

/** For each of `ids`, `topLogProbabilities` of the token after it. Begins with an empty state. */
export async function scoreTop(
  engine: Engine,
  ids: readonly number[],
  topK: number,
  caller: Caller,
): Promise<[number, number][][]> {
  const rows: [number, number][][] = [];
  await score(engine, ids, caller, (_, logits) => rows.push(topLogProbabilities(logits, topK)));
  return rows;
}

/**
 * The sum of -ln p(ids[i] | ids[..i]) for i from 1, in nats. `visit` sees the logits[vocabSize] of every token. Begins
 * with an empty state.
 */
export async function negativeLogLikelihood(
  engine: Engine,
  ids: readonly number[],
  caller: Caller,
  visit?: (logits: Float32Array) => void,
): Promise<number> {
  let sum = 0;
  await score(engine, ids, caller, (index, logits) => {
    visit?.(logits);
    if (index + 1 < ids.length) sum += logSumExp(logits) - logits[ids[index + 1]];
  });
  return sum;
}

/** Shows the logits[vocabSize] of every position. Begins with an empty state. */
async function score(
  engine: Engine,
  ids: readonly number[],
  caller: Caller,
  visit: (index: number, logits: Float32Array) => void,
): Promise<void> {
  const lane = engine.lanes.begin(caller);
  try {
    await lane.score(ids, visit);
  } finally {
    lane.end();
  }
}

/** ln of the sum of e^logit over logits[vocabSize], without overflow. Throws NOT_A_NUMBER where it is none. */
export function logSumExp(logits: Float32Array): number {
  let max = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < logits.length; i++) if (logits[i] > max) max = logits[i];
  let sum = 0;
  for (let i = 0; i < logits.length; i++) sum += Math.exp(logits[i] - max);
  const result = max + Math.log(sum);
  checkNumber(result);
  return result;
}
