import type { ModelSpec } from '../model/spec.js';
import { DECODE_BYTES } from './decode/header.js';
import { checkFitting } from './fitting.js';
import { openVision } from './open-vision.js';
import type { Eyes } from './vision-model.js';

/** Memory that pictures take. */
export interface VisionBytes {
  /** Of the budget: the tower at work, and the embeddings of as many pictures as so many tokens of context hold. */
  scratchBytes(tokens: number): number;
  /** Beside it: the largest picture while it is decoded. */
  overheadBytes: number;
  /** The model as it runs with these eyes. */
  spec: ModelSpec;
}

/** A model as it runs with eyes: a picture's tokens that see each other go through all layers together. */
export const withEyes = (spec: ModelSpec, { togetherTokens }: Pick<Eyes, 'togetherTokens'>): ModelSpec =>
  togetherTokens === undefined ? spec : { ...spec, pictureTokens: Math.max(togetherTokens, spec.pictureTokens ?? 0) };

/** Bytes of embeddings that are kept: as many as all contexts hold. */
export const embeddingBytes = (
  tokens: number,
  { hiddenSize, deepstack = 0 }: Pick<Eyes, 'hiddenSize' | 'deepstack'>,
): number => 4 * tokens * (1 + deepstack) * hiddenSize;

/**
 * Memory for the eyes at `path`; null for none. Throws what `checkFitting` and `openVision` throw.
 */
export function visionBytes(path: string | null, spec: ModelSpec): VisionBytes {
  if (path === null) return { scratchBytes: () => 0, overheadBytes: 0, spec };
  const vision = openVision(path);
  checkFitting(path, vision, spec);
  return {
    scratchBytes: (tokens) => (vision.bytesWithin?.(tokens) ?? vision.bytes) + embeddingBytes(tokens, vision),
    overheadBytes: DECODE_BYTES,
    spec: withEyes(spec, vision),
  };
}
