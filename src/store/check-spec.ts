import { ARCHITECTURE_NAMES } from '../model/families/architectures.js';
import type {
  Activation,
  ExpertGroupsSpec,
  ExpertsSpec,
  ModelSpec,
  QueryTemperatureSpec,
  RotarySpec,
  SlidingWindowSpec,
} from '../model/spec.js';
import type { TextSpec } from '../model/text-spec.js';
import {
  checkBlockIndex,
  checkCompressed,
  checkLatent,
  checkNgrams,
  checkRecurrent,
  checkStreams,
} from './check-mixers.js';
import { broken, type ManifestFields } from './manifest-fields.js';

const ACTIVATIONS: readonly Activation[] = [
  'relu',
  'silu',
  'gelu',
  'gelu-tanh',
  'clamped-swiglu',
  'relu-squared',
  'clamped-silu',
];
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
    ...(fields.has('sections') && { sections: checkSections(fields, dimension / 2) }),
  };
}

function checkSections(fields: ManifestFields, pairs: number): number[] {
  return fields.list('sections', 3).map((size) => {
    if (!(typeof size === 'number' && Number.isInteger(size) && size >= 0 && size <= pairs))
      broken(fields.path('sections'), size, `three whole numbers up to ${pairs}`);
    return size;
  });
}

/** A field that may be missing or null. */
const optional = <T>(fields: ManifestFields, key: string, read: () => T): T | null =>
  fields.has(key) && !fields.isNull(key) ? read() : null;

const checkFlags = (fields: ManifestFields, key: string, length: number): boolean[] =>
  fields.list(key, length).map((is) => (typeof is === 'boolean' ? is : broken(fields.path(key), is, 'true or false')));

function checkHeads(fields: ManifestFields, numAttentionHeads: number): SlidingWindowSpec['heads'] {
  const numKeyValueHeads = fields.integer('numKeyValueHeads', 1, numAttentionHeads);
  if (numAttentionHeads % numKeyValueHeads !== 0)
    broken(fields.path('numKeyValueHeads'), numKeyValueHeads, `a divisor of ${numAttentionHeads}`);
  return { headDim: fields.integer('headDim', 1, MAX_SIZE), numKeyValueHeads };
}

function checkSlidingWindow(fields: ManifestFields, numLayers: number, numAttentionHeads: number): SlidingWindowSpec {
  return {
    size: fields.integer('size', 1, MAX_SIZE),
    fullEvery: fields.isNull('fullEvery') ? null : fields.integer('fullEvery', 1, 65536),
    theta: fields.isNull('theta') ? null : positive(fields, 'theta'),
    // Older stores lack the next two.
    layers: optional(fields, 'layers', () => checkFlags(fields, 'layers', numLayers)),
    heads: optional(fields, 'heads', () => checkHeads(fields.fields('heads'), numAttentionHeads)),
  };
}

const checkTemperature = (fields: ManifestFields): QueryTemperatureSpec => ({
  scale: positive(fields, 'scale'),
  length: fields.integer('length', 1, 2 ** 31 - 1),
});

function checkExperts(fields: ManifestFields, hiddenSize: number): ExpertsSpec {
  const numExperts = fields.integer('numExperts', 1, MAX_EXPERTS);
  return {
    numExperts,
    numExpertsPerToken: fields.integer('numExpertsPerToken', 1, numExperts),
    intermediateSize: fields.integer('intermediateSize', 1, MAX_SIZE),
    normalizeWeights: fields.flag('normalizeWeights'),
    sharedIntermediateSize: fields.integer('sharedIntermediateSize', 0, MAX_SIZE),
    ...(fields.has('latentSize') && { latentSize: fields.integer('latentSize', 1, hiddenSize) }),
    ...(fields.has('scoring') ? checkRouting(fields, numExperts) : PLAIN_ROUTING),
  };
}

type Routing = Omit<
  ExpertsSpec,
  'numExperts' | 'numExpertsPerToken' | 'intermediateSize' | 'normalizeWeights' | 'sharedIntermediateSize'
>;

/** Older stores lack these fields. */
const PLAIN_ROUTING: Routing = {
  leadingDenseLayers: 0,
  scoring: 'softmax',
  selectionBias: false,
  groups: null,
  weightScale: 1,
  outputScales: false,
  routerInput: 'network',
  sharedRouter: true,
  branchNorms: false,
};

function checkRouting(fields: ManifestFields, numExperts: number): Routing {
  return {
    leadingDenseLayers: fields.integer('leadingDenseLayers', 0, 65535),
    scoring: fields.oneOf('scoring', ['softmax', 'sigmoid', 'sqrt-softplus'] as const),
    selectionBias: fields.flag('selectionBias'),
    groups: fields.isNull('groups') ? null : checkGroups(fields.fields('groups'), numExperts),
    weightScale: positive(fields, 'weightScale'),
    outputScales: fields.flag('outputScales'),
    routerInput: fields.oneOf('routerInput', ['network', 'residual'] as const),
    sharedRouter: fields.flag('sharedRouter'),
    branchNorms: fields.flag('branchNorms'),
    ...(fields.has('tableLayers') && { tableLayers: fields.integer('tableLayers', 0, 65535) }),
  };
}

function checkGroups(fields: ManifestFields, numExperts: number): ExpertGroupsSpec {
  const count = fields.integer('count', 2, numExperts);
  if (numExperts % count !== 0) broken(fields.path('count'), count, `a divisor of ${numExperts}`);
  // Older stores lack the ranking.
  const ranking = fields.has('ranking') ? fields.oneOf('ranking', ['two-best', 'best'] as const) : 'two-best';
  return { count, used: fields.integer('used', 1, count), ranking };
}

/** Older stores lack these fields. */
function checkLayerTraits(fields: ManifestFields, numLayers: number) {
  const flag = (key: string) => fields.has(key) && fields.flag(key);
  return {
    unscaledAttention: flag('unscaledAttention'),
    valueNorm: flag('valueNorm'),
    keysAsValues: flag('keysAsValues'),
    sharedKeyValueLayers: fields.has('sharedKeyValueLayers')
      ? fields.integer('sharedKeyValueLayers', 0, numLayers - 1)
      : 0,
    layerScales: flag('layerScales'),
    perLayerInputs: optional(fields, 'perLayerInputs', () => ({
      size: fields.fields('perLayerInputs').integer('size', 1, MAX_SIZE),
    })),
    residualStreams: optional(fields, 'residualStreams', () => checkStreams(fields.fields('residualStreams'))),
    blockIndex: optional(fields, 'blockIndex', () => checkBlockIndex(fields.fields('blockIndex'))),
    ngrams: optional(fields, 'ngrams', () => checkNgrams(fields.fields('ngrams'), numLayers)),
    layerIntermediateSizes: optional(fields, 'layerIntermediateSizes', () => {
      fields.list('layerIntermediateSizes', numLayers);
      return fields.integers('layerIntermediateSizes', 1, MAX_SIZE);
    }),
  };
}

/** What mixes tokens. Older stores lack these fields. */
const checkMixers = (
  fields: ManifestFields,
  headDim: number,
  sizes: { numLayers: number; numAttentionHeads: number },
): Pick<ModelSpec, 'attentionGate' | 'latentAttention' | 'compressedAttention' | 'recurrent'> => ({
  compressedAttention: optional(fields, 'compressedAttention', () =>
    checkCompressed(fields.fields('compressedAttention'), sizes, (rotary) => checkRotary(rotary, headDim)),
  ),
  attentionGate: fields.has('attentionGate') && fields.flag('attentionGate'),
  latentAttention:
    fields.has('latentAttention') && !fields.isNull('latentAttention')
      ? checkLatent(fields.fields('latentAttention'), headDim)
      : null,
  recurrent:
    fields.has('recurrent') && !fields.isNull('recurrent')
      ? checkRecurrent(fields.fields('recurrent'), fields.integer('numLayers', 1, 65536))
      : null,
});

/** Checks untrusted data and returns it as a ModelSpec. Throws CORRUPT with the name of the first bad field. */
export function checkSpec(fields: ManifestFields): ModelSpec {
  const size = (key: keyof ModelSpec) => fields.integer(key, 1, MAX_SIZE);
  const headDim = size('headDim');
  const numLayers = fields.integer('numLayers', 1, 65536);
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
    numLayers,
    numAttentionHeads,
    numKeyValueHeads,
    headDim,
    contextLength: fields.integer('contextLength', 1, 2 ** 31 - 1),
    norm: fields.oneOf('norm', ['rms', 'layer'] as const),
    normEpsilon: fields.number('normEpsilon'),
    normOffset: fields.integer('normOffset', 0, 1) === 1 ? 1 : 0,
    postNorms: fields.flag('postNorms'),
    embeddingScale: positive(fields, 'embeddingScale'),
    // Older stores lack the next two.
    residualScale: fields.has('residualScale') ? positive(fields, 'residualScale') : 1,
    logitScale: fields.has('logitScale') ? positive(fields, 'logitScale') : 1,
    rotary: fields.isNull('rotary') ? null : checkRotary(fields.fields('rotary'), headDim),
    positionOffset: fields.integer('positionOffset', 0, MAX_SIZE),
    activation: fields.oneOf('activation', ACTIVATIONS),
    // Older stores lack them.
    activationLimits: optional(fields, 'activationLimits', () => {
      const limits = fields.fields('activationLimits');
      return { network: positive(limits, 'network'), shared: positive(limits, 'shared') };
    }),
    gated: fields.flag('gated'),
    tiedEmbeddings: fields.flag('tiedEmbeddings'),
    queryKeyValueBiases: fields.flag('queryKeyValueBiases'),
    outputBias: fields.flag('outputBias'),
    feedForwardBiases: fields.flag('feedForwardBiases'),
    parallelNorm: fields.isNull('parallelNorm') ? null : fields.oneOf('parallelNorm', ['own', 'shared'] as const),
    queryKeyNorm: fields.isNull('queryKeyNorm') ? null : fields.oneOf('queryKeyNorm', ['head', 'all'] as const),
    queryScale: positive(fields, 'queryScale'),
    // Older stores lack the next three.
    queryTemperature: optional(fields, 'queryTemperature', () => checkTemperature(fields.fields('queryTemperature'))),
    pictureTokens: optional(fields, 'pictureTokens', () => fields.integer('pictureTokens', 1, 65536)),
    noRotaryEvery: optional(fields, 'noRotaryEvery', () => fields.integer('noRotaryEvery', 1, 65536)),
    attentionSoftCap: fields.isNull('attentionSoftCap') ? null : positive(fields, 'attentionSoftCap'),
    logitSoftCap: fields.isNull('logitSoftCap') ? null : positive(fields, 'logitSoftCap'),
    slidingWindow: fields.isNull('slidingWindow')
      ? null
      : checkSlidingWindow(fields.fields('slidingWindow'), numLayers, numAttentionHeads),
    ...checkLayerTraits(fields, numLayers),
    ...(fields.has('prediction') && {
      prediction: { chained: fields.fields('prediction').oneOf('chained', ['normed', 'plain'] as const) },
    }),
    attentionSinks: fields.flag('attentionSinks'),
    ...checkMixers(fields, headDim, { numLayers, numAttentionHeads }),
    experts: fields.isNull('experts') ? null : checkExperts(fields.fields('experts'), size('hiddenSize')),
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
    ...(fields.has('idsOnly') && { idsOnly: fields.text('idsOnly') }),
    ...(fields.has('warnings') && { warnings: fields.texts('warnings') }),
  };
}
