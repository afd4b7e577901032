import { pagesOf } from '../../native-bridge/memory.js';
import { prefillChunk } from './prefill-chunk.js';
import type { ModelSpec, SlidingWindowSpec } from './spec.js';

/** Positions that a token sees in a layer, its own included; 0 for all positions. */
export function windowOf({ size, fullEvery, layers }: SlidingWindowSpec, layer: number): number {
  if (layers) return layers[layer] ? size : 0;
  return fullEvery !== null && layer % fullEvery === fullEvery - 1 ? 0 : size;
}

/** Positions after the end of a turn that stay held: the next message, as long as most are. */
export const MESSAGE_ROOM = 256;

/** A template may write the end of a turn otherwise by a few tokens, once the conversation goes on. */
export const END_ROOM = 8;

/**
 * Pages of keys and values that a layer with a sliding window holds at most: its window and room for a pass, a window
 * before the end of the last turn, and room for the message that followed. In a short context that is every page.
 */
export function windowPages(spec: ModelSpec, contextSize: number, size = spec.slidingWindow?.size): number {
  const whole = pagesOf(contextSize);
  if (size === undefined) return whole;
  // A run of positions may begin and end inside a page.
  const now = pagesOf(size + prefillChunk(spec)) + 1;
  const turn = pagesOf(size + END_ROOM) + 1;
  return Math.min(whole, now + turn + pagesOf(MESSAGE_ROOM));
}
