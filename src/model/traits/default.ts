import type { ModelSpec } from '../spec.js';

/** Traits that most families leave as they are. */
export const DEFAULT_TRAITS = {
  normOffset: 0,
  postNorms: false,
  embeddingScale: 1,
  residualScale: 1,
  logitScale: 1,
  queryScale: 1,
  queryTemperature: null,
  unscaledAttention: false,
  valueNorm: false,
  keysAsValues: false,
  sharedKeyValueLayers: 0,
  layerScales: false,
  perLayerInputs: null,
  residualStreams: null,
  ngrams: null,
  blockIndex: null,
  layerIntermediateSizes: null,
  noRotaryEvery: null,
  attentionSoftCap: null,
  logitSoftCap: null,
  attentionGate: false,
  latentAttention: null,
  pictureTokens: null,
  recurrent: null,
} as const satisfies Partial<ModelSpec>;
