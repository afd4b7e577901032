import type { ModelSpec } from './spec.js';

/**
 * Prompt tokens that go through a layer together. Each streamed bundle is then read once for all of them. The number
 * depends on the model alone, and so do the buffers that the plan counts.
 */
export function prefillChunk({ hiddenSize, experts, pictureTokens }: ModelSpec): number {
  // A hundred tokens already need nearly every expert. More tokens share the same reads.
  const usual = experts ? 512 : hiddenSize < 1024 ? 32 : 128;
  // A picture whose tokens see each other goes as a whole, beside the tokens of other calls.
  return pictureTokens === null ? usual : Math.max(usual, pictureTokens + MOST_DECODING);
}

/** Tokens of other calls that a pass with a whole picture has room for: as many as there are sequences at most. */
const MOST_DECODING = 64;

/**
 * Positions whose logits are computed together when all are wanted, and tokens of the largest pass with foretold ones.
 * Bounds the [rows, vocabSize] buffer.
 */
export const LOGIT_ROWS = 16;

/** Rows of logits that one pass makes at most, where each of `calls` wants one. */
export const logitRows = (calls: number): number => Math.max(LOGIT_ROWS, calls);
