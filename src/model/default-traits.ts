import type { ModelSpec } from './spec.js';

/** What most families leave alone. */
export const DEFAULT_TRAITS = {
  normOffset: 0,
  postNorms: false,
  embeddingScale: 1,
  queryScale: 1,
  attentionSoftCap: null,
  logitSoftCap: null,
} as const satisfies Partial<ModelSpec>;
