import type { ModelSpec } from './spec.js';

/** Traits that most families leave as they are. */
export const DEFAULT_TRAITS = {
  normOffset: 0,
  postNorms: false,
  embeddingScale: 1,
  queryScale: 1,
  attentionSoftCap: null,
  logitSoftCap: null,
  attentionGate: false,
  recurrent: null,
} as const satisfies Partial<ModelSpec>;
