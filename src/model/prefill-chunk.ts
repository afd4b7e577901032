import type { ModelSpec } from './spec.js';

/**
 * Prompt tokens that go through a layer together, so that each streamed bundle is read once for all of them. Fixed by the model
 * alone: were it to follow the budget, rounding would differ between budgets.
 */
export function prefillChunk({ hiddenSize, experts }: ModelSpec): number {
  // A hundred tokens already ask for nearly every expert: more of them share the same reads.
  if (experts) return 512;
  return hiddenSize < 1024 ? 32 : 128;
}

/** Positions whose logits are computed together when every position is wanted; bounds the [rows, vocabSize] buffer. */
export const LOGIT_ROWS = 8;
