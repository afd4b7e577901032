import { ARCHITECTURE_NAMES } from '../model/families/architectures.js';
import type { Activation, ExpertsSpec, ModelSpec, RotarySpec, SlidingWindowSpec } from '../model/spec.js';
import type { TextSpec } from '../model/text-spec.js';
import { checkRecurrent } from './check-mixers.js';
import { broken, type ManifestFields } from './manifest-fields.js';

const ACTIVATIONS: readonly Activation[] = ['relu', 'silu', 'gelu', 'gelu-tanh', 'clamped-swiglu'];
/** Far above any model. Products of two sizes and a format's bytes stay exact in a double below it. */
const MAX_SIZE = 2 ** 26 - 1;
const MAX_EXPERTS = 65536;

function positive(fields: ManifestFields, key: string): number {
  const value = fields.number(key);
  if (value === 0) broken(fields.path(key), value, 'positive');
  return value;
}

function checkRotary(fields: ManifestFields, headDim: number): RotarySpec {
  const dimension = fields.integer('dimension', 0, headDim);
  if (dimension % 2 !== 0) broken(fields.path('dimension'), dimension, 'even');
  let frequencyFactors: number[] | null = null;
  if (!fields.isNull('frequencyFactors')) {
    frequencyFactors = fields.list('frequencyFactors', dimension / 2).map((factor) => {
      if (typeof factor !== 'number' || !(factor > 0 && factor < Number.POSITIVE_INFINITY)) {
        broken(fields.path('frequencyFactors'), factor, 'a list of positive numbers');
      }
      return factor;
    });
  }
  return {
    theta: positive(fields, 'theta'),
    dimension,
    layout: fields.oneOf('layout', ['interleaved', 'halves']),
    frequencyFactors,
    magnitude: positive(fields, 'magnitude'),
  };
}

function checkSlidingWindow(fields: ManifestFields): SlidingWindowSpec {
  return {
    size: fields.integer('size', 1, MAX_SIZE),
    fullEvery: fields.isNull('fullEvery') ? null : fields.integer('fullEvery', 1, 65536),
    theta: fields.isNull('theta') ? null : positive(fields, 'theta'),
  };
}

function checkExperts(fields: ManifestFields): ExpertsSpec {
  const numExperts = fields.integer('numExperts', 1, MAX_EXPERTS);
  return {
    numExperts,
    numExpertsPerToken: fields.integer('numExpertsPerToken', 1, numExperts),
    intermediateSize: fields.integer('intermediateSize', 1, MAX_SIZE),
    normalizeWeights: fields.flag('normalizeWeights'),
    sharedIntermediateSize: fields.integer('sharedIntermediateSize', 0, MAX_SIZE),
  };
}

/** Checks untrusted data and returns it as a ModelSpec. Throws CORRUPT with the name of the first bad field. */
export function checkSpec(fields: ManifestFields): ModelSpec {
  const size = (key: keyof ModelSpec) => fields.integer(key, 1, MAX_SIZE);
  const headDim = size('headDim');
  const numAttentionHeads = size('numAttentionHeads');
  const numKeyValueHeads = size('numKeyValueHeads');
  if (numAttentionHeads % numKeyValueHeads !== 0) {
    broken(fields.path('numKeyValueHeads'), numKeyValueHeads, `a divisor of ${numAttentionHeads}`);
  }
  return {
    architecture: fields.oneOf('architecture', ARCHITECTURE_NAMES),
    name: fields.text('name'),
    vocabSize: size('vocabSize'),
    hiddenSize: size('hiddenSize'),
    intermediateSize: size('intermediateSize'),
    numLayers: fields.integer('numLayers', 1, 65536),
    numAttentionHeads,
    numKeyValueHeads,
    headDim,
    contextLength: fields.integer('contextLength', 1, 2 ** 31 - 1),
    norm: fields.oneOf('norm', ['rms', 'layer'] as const),
    normEpsilon: fields.number('normEpsilon'),
    normOffset: fields.integer('normOffset', 0, 1) === 1 ? 1 : 0,
    postNorms: fields.flag('postNorms'),
    embeddingScale: positive(fields, 'embeddingScale'),
    rotary: fields.isNull('rotary') ? null : checkRotary(fields.fields('rotary'), headDim),
    positionOffset: fields.integer('positionOffset', 0, MAX_SIZE),
    activation: fields.oneOf('activation', ACTIVATIONS),
    gated: fields.flag('gated'),
    tiedEmbeddings: fields.flag('tiedEmbeddings'),
    queryKeyValueBiases: fields.flag('queryKeyValueBiases'),
    outputBias: fields.flag('outputBias'),
    feedForwardBiases: fields.flag('feedForwardBiases'),
    parallelNorm: fields.isNull('parallelNorm') ? null : fields.oneOf('parallelNorm', ['own', 'shared'] as const),
    queryKeyNorm: fields.isNull('queryKeyNorm') ? null : fields.oneOf('queryKeyNorm', ['head', 'all'] as const),
    queryScale: positive(fields, 'queryScale'),
    attentionSoftCap: fields.isNull('attentionSoftCap') ? null : positive(fields, 'attentionSoftCap'),
    logitSoftCap: fields.isNull('logitSoftCap') ? null : positive(fields, 'logitSoftCap'),
    slidingWindow: fields.isNull('slidingWindow') ? null : checkSlidingWindow(fields.fields('slidingWindow')),
    attentionSinks: fields.flag('attentionSinks'),
    // Older stores lack the next two.
    attentionGate: fields.has('attentionGate') && fields.flag('attentionGate'),
    recurrent:
      fields.has('recurrent') && !fields.isNull('recurrent')
        ? checkRecurrent(fields.fields('recurrent'), fields.integer('numLayers', 1, 65536))
        : null,
    experts: fields.isNull('experts') ? null : checkExperts(fields.fields('experts')),
  };
}

/** The same for a TextSpec. BOS must be in the vocabulary, since the model reads it. */
export function checkText(fields: ManifestFields, vocabSize: number): TextSpec {
  return {
    bosId: fields.isNull('bosId') ? null : fields.integer('bosId', 0, vocabSize - 1),
    eosIds: fields.integers('eosIds', 0, 2 ** 32 - 1),
    addBos: fields.flag('addBos'),
    addEos: fields.flag('addEos'),
    // Older stores lack them.
    ...(fields.has('suppressedIds') && { suppressedIds: fields.integers('suppressedIds', 0, 2 ** 32 - 1) }),
    ...(fields.has('warnings') && { warnings: fields.texts('warnings') }),
  };
}
