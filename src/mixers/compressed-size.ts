import { keyValuePageBytes, PAGE_POSITIONS, pagesOf } from '../../native-bridge/memory.js';
import { compressedWidth, compressionOf } from '../model/compressed-tensors.js';
import { windowPages } from '../model/sliding-window.js';
import type { CompressedAttentionSpec, ModelSpec } from '../model/spec.js';

/** Tokens that attend together, which bounds the marks of what they see. */
export const ATTENDED_AT_ONCE = 16;

/*
 * A layer's keys are rows of one cache: a page of compressed keys, the pages of the positions that it stands for, the
 * next page of compressed keys, and so on. So pages of positions go once they are out of sight, and those of compressed
 * keys stay. Without compressed keys a row is a position.
 */

/** Positions whose compressed keys fill a page. */
export const positionsOfPage = (ratio: number): number => ratio * PAGE_POSITIONS;

/** The row of a position's key. `ratio` is 0 without compressed keys. */
export function positionRow(ratio: number, position: number): number {
  if (ratio === 0) return position;
  const together = positionsOfPage(ratio);
  return Math.floor(position / together) * (together + PAGE_POSITIONS) + PAGE_POSITIONS + (position % together);
}

/** The row of a compressed key. */
export const compressedRow = (ratio: number, key: number): number =>
  Math.floor(key / PAGE_POSITIONS) * (positionsOfPage(ratio) + PAGE_POSITIONS) + (key % PAGE_POSITIONS);

/** The rows that `length` positions take. */
export const rowsOf = (ratio: number, length: number): number =>
  length === 0 ? 0 : positionRow(ratio, length - 1) + 1;

/** The most rows that a layer has. */
export const mostRows = ({ ratios }: CompressedAttentionSpec, contextSize: number): number =>
  Math.max(...ratios.map((ratio) => rowsOf(ratio, contextSize)));

/** Positions before a token that its layers need, its own included: its window, or those of a key that is not done. */
export const seenPositions = ({ window, ratios }: CompressedAttentionSpec): number =>
  Math.max(window, ...ratios.map((ratio) => (ratio === 4 ? 2 * ratio : ratio)));

/** Floats of a position that keys and their index are made of in a layer; 0 without compressed keys. */
export function pendingFloats(
  { headDim, compressedAttention }: Pick<ModelSpec, 'headDim' | 'compressedAttention'>,
  layer: number,
): number {
  const attention = compressedAttention!;
  const compression = compressionOf(attention, layer);
  if (!compression) return 0;
  const ofIndex = compression.indexed ? compressedWidth(compression, attention.index.headDim) : 0;
  return 2 * (compressedWidth(compression, headDim) + ofIndex);
}

/** Keys of the index that a layer may have. */
export const indexKeys = (attention: CompressedAttentionSpec, layer: number, contextSize: number): number => {
  const compression = compressionOf(attention, layer);
  return compression?.indexed ? Math.floor(contextSize / compression.ratio) : 0;
};

/** Bytes of what compressed attention keeps of a sequence once its context is full; 0 without it. */
export function compressedStateBytes(spec: ModelSpec, contextSize: number, format: 'i8' | 'i16' | 'f32'): number {
  const { compressedAttention: attention, headDim, numLayers } = spec;
  if (!attention) return 0;
  const pages = windowPages(spec, contextSize, seenPositions(attention));
  const pageBytes = keyValuePageBytes({ numKeyValueHeads: 1, headDim, sharedValueDim: headDim, format });
  let bytes = 0;
  for (let layer = 0; layer < numLayers; layer++) {
    const ratio = attention.ratios[layer];
    const ofKeys = ratio === 0 ? 0 : Math.ceil(contextSize / positionsOfPage(ratio));
    const kept = PAGE_POSITIONS * pages * pendingFloats(spec, layer);
    bytes +=
      (pages + ofKeys) * pageBytes + 4 * (kept + attention.index.headDim * indexKeys(attention, layer, contextSize));
  }
  return bytes;
}

/** Bytes of the marks of what tokens see, and of scores of keys. */
export const seenBytes = (attention: CompressedAttentionSpec, contextSize: number): number =>
  ATTENDED_AT_ONCE * mostRows(attention, contextSize) + 8 * pagesOf(contextSize) * PAGE_POSITIONS;

/** Bytes of the working rows for calls of `tokens`. */
export function compressedScratchBytes(spec: ModelSpec, attention: CompressedAttentionSpec, tokens: number): number {
  const { queryRank, index } = attention;
  const queries = spec.numAttentionHeads * spec.headDim;
  const pending = Math.max(...attention.ratios.map((_, layer) => pendingFloats(spec, layer)));
  // What is pending lies once in the rows of products, and once put together.
  const mixed = attention.outputGroups * attention.outputRank;
  const floats = spec.hiddenSize + queryRank + 2 * queries + spec.headDim + 2 * pending + mixed;
  const ofIndex = index.heads * (index.headDim + 1);
  const tables = 2 * (8 * (spec.rotary?.dimension ?? 0) + 4) + 8 * attention.rotary.dimension + 4;
  return tokens * (4 * (floats + ofIndex) + tables);
}
