import type { ExpertsSpec, ModelSpec } from '../../dist/src/model/spec.js';
import { DEFAULT_TRAITS } from '../../dist/src/model/traits/default.js';

/** A small Llama; `change` makes another model of it. */
export const modelSpec = (change: Partial<ModelSpec> = {}): ModelSpec => ({
  ...DEFAULT_TRAITS,
  architecture: 'llama',
  name: 'test',
  vocabSize: 512,
  hiddenSize: 64,
  intermediateSize: 160,
  numLayers: 2,
  numAttentionHeads: 4,
  numKeyValueHeads: 2,
  headDim: 16,
  contextLength: 512,
  norm: 'rms',
  normEpsilon: 1e-5,
  rotary: { theta: 1e4, dimension: 16, layout: 'halves', frequencyFactors: null, magnitude: 1 },
  positionOffset: 0,
  activation: 'silu',
  gated: true,
  tiedEmbeddings: true,
  queryKeyValueBiases: false,
  outputBias: false,
  feedForwardBiases: false,
  parallelNorm: null,
  queryKeyNorm: null,
  slidingWindow: null,
  attentionSinks: false,
  experts: null,
  ...change,
});

/** Eight small experts, of which a token takes two; `change` makes others of them. */
export const expertsSpec = (change: Partial<ExpertsSpec> = {}): ExpertsSpec => ({
  numExperts: 8,
  numExpertsPerToken: 2,
  intermediateSize: 24,
  leadingDenseLayers: 0,
  scoring: 'softmax',
  selectionBias: false,
  groups: null,
  normalizeWeights: true,
  weightScale: 1,
  outputScales: false,
  routerInput: 'network',
  sharedIntermediateSize: 0,
  sharedRouter: true,
  branchNorms: false,
  ...change,
});
