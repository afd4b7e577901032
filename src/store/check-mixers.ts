import type {
  BlockIndexSpec,
  CompressedAttentionSpec,
  LatentAttentionSpec,
  NgramsSpec,
  RecurrentLayersSpec,
  RecurrentSpec,
  ResidualStreamsSpec,
  RotarySpec,
} from '../model/spec.js';
import { broken, type ManifestFields } from './manifest-fields.js';

/** Far above any model. Products of three of them stay exact in a double. */
const MAX_HEADS = 65536;

/**
 * Checks untrusted data and returns it as a RecurrentLayersSpec. Throws CORRUPT with the name of the first bad field.
 */
export function checkRecurrent(fields: ManifestFields, numLayers: number): RecurrentLayersSpec {
  const flags = (key: string) =>
    fields.list(key, numLayers).map((is) => {
      if (typeof is !== 'boolean') broken(fields.path(key), is, 'a list of true and false');
      return is;
    });
  const mixer = checkMixer(fields.fields('mixer'));
  const layers = flags('layers');
  const without = fields.has('without') ? flags('without') : undefined;
  const both = without?.findIndex((is, layer) => is && layers[layer]) ?? -1;
  if (both >= 0) broken(fields.path('without'), both, 'layers with no mixer of their own');
  if (fields.has('before')) fields.list('before', numLayers);
  const before = fields.has('before') ? fields.integers('before', 0, MAX_HEADS) : undefined;
  return { mixer, layers, ...(before && { before }), ...(without && { without }) };
}

/** The same for a ResidualStreamsSpec. */
export function checkStreams(fields: ManifestFields): ResidualStreamsSpec {
  const count = fields.integer('count', 2, 64);
  if (fields.has('rank')) return { count, rank: fields.integer('rank', 1, MAX_HEADS) };
  return { count, rounds: fields.integer('rounds', 1, 1024), epsilon: fields.number('epsilon') };
}

/** The same for a BlockIndexSpec. */
export const checkBlockIndex = (fields: ManifestFields): BlockIndexSpec => ({
  heads: fields.integer('heads', 1, MAX_HEADS),
  headDim: fields.integer('headDim', 1, MAX_HEADS),
  blockSize: fields.integer('blockSize', 1, MAX_HEADS),
  topBlocks: fields.integer('topBlocks', 1, MAX_HEADS),
});

/** The same for an NgramsSpec. */
export function checkNgrams(fields: ManifestFields, numLayers: number): NgramsSpec {
  const size = fields.integer('size', 2, 16);
  const headsPerNgram = fields.integer('headsPerNgram', 1, MAX_HEADS);
  const heads = (size - 1) * headsPerNgram;
  const tableRows = fields.integer('tableRows', 1, 2 ** 32);
  const rows = (key: string, least: number) => {
    fields.list(key, heads);
    return fields.integers(key, least, tableRows);
  };
  const [firstRows, numRows] = [rows('firstRows', 0), rows('numRows', 1)];
  const beyond = firstRows.findIndex((first, head) => first + numRows[head] > tableRows);
  if (beyond >= 0) broken(fields.path('firstRows'), firstRows[beyond], `within a table of ${tableRows} rows`);
  fields.list('multipliers', size);
  const multipliers = fields.texts('multipliers').map((digits) => {
    if (!/^\d{1,20}$/.test(digits)) broken(fields.path('multipliers'), digits, 'decimal digits');
    return digits;
  });
  return {
    layer: fields.integer('layer', 0, numLayers - 1),
    ...{ size, headsPerNgram, firstRows, numRows, tableRows, multipliers },
    rowSize: fields.integer('rowSize', 1, MAX_HEADS),
    kernel: fields.integer('kernel', 2, 64),
    endId: fields.integer('endId', 0, 2 ** 32 - 1),
  };
}

/** The same for a CompressedAttentionSpec; `checkRotary` checks a RotarySpec. */
export function checkCompressed(
  fields: ManifestFields,
  { numLayers, numAttentionHeads }: { numLayers: number; numAttentionHeads: number },
  checkRotary: (fields: ManifestFields) => RotarySpec,
): CompressedAttentionSpec {
  const outputGroups = fields.integer('outputGroups', 1, numAttentionHeads);
  if (numAttentionHeads % outputGroups !== 0)
    broken(fields.path('outputGroups'), outputGroups, `a divisor of ${numAttentionHeads}`);
  fields.list('ratios', numLayers);
  const ratios = fields.integers('ratios', 0, 128);
  const odd = ratios.find((ratio) => ratio !== 0 && ratio !== 4 && ratio !== 128);
  if (odd !== undefined) broken(fields.path('ratios'), odd, '0, 4 or 128');
  const index = fields.fields('index');
  return {
    queryRank: fields.integer('queryRank', 1, MAX_HEADS),
    window: fields.integer('window', 1, 2 ** 26),
    ...{ outputGroups, ratios },
    outputRank: fields.integer('outputRank', 1, MAX_HEADS),
    rotary: checkRotary(fields.fields('rotary')),
    index: {
      heads: index.integer('heads', 1, MAX_HEADS),
      headDim: index.integer('headDim', 1, MAX_HEADS),
      topKeys: index.integer('topKeys', 1, 2 ** 31 - 1),
    },
  };
}

/** The same for a LatentAttentionSpec. */
export function checkLatent(fields: ManifestFields, headDim: number): LatentAttentionSpec {
  const rotaryDim = fields.integer('rotaryDim', 2, MAX_HEADS);
  if (rotaryDim % 2 !== 0) broken(fields.path('rotaryDim'), rotaryDim, 'even');
  return {
    latentDim: fields.integer('latentDim', headDim - rotaryDim, headDim - rotaryDim),
    keyDim: fields.integer('keyDim', 1, MAX_HEADS),
    rotaryDim,
    valueDim: fields.integer('valueDim', 1, MAX_HEADS),
    queryRank: fields.isNull('queryRank') ? null : fields.integer('queryRank', 1, MAX_HEADS),
    keyLayout: fields.oneOf('keyLayout', ['by-latent', 'by-key'] as const),
    ...(fields.has('normEpsilon') && { normEpsilon: fields.number('normEpsilon') }),
  };
}

function checkMamba2(fields: ManifestFields, kernel: number): RecurrentSpec {
  const heads = fields.integer('heads', 1, MAX_HEADS);
  const groups = fields.integer('groups', 1, MAX_HEADS);
  if (heads % groups !== 0) broken(fields.path('groups'), groups, `a divisor of ${heads}`);
  return {
    kind: 'mamba-2',
    heads,
    headDim: fields.integer('headDim', 1, MAX_HEADS),
    groups,
    stateSize: fields.integer('stateSize', 1, MAX_HEADS),
    kernel,
    decay: fields.oneOf('decay', ['negated', 'logarithm'] as const),
  };
}

function checkMixer(fields: ManifestFields): RecurrentSpec {
  const kind = fields.oneOf('kind', ['short-convolution', 'delta-net', 'mamba-2'] as const);
  const kernel = fields.integer('kernel', 2, 64);
  if (kind === 'short-convolution') return { kind, kernel };
  if (kind === 'mamba-2') return checkMamba2(fields, kernel);
  const keyHeads = fields.integer('keyHeads', 1, MAX_HEADS);
  const valueHeads = fields.integer('valueHeads', 1, MAX_HEADS);
  if (valueHeads % keyHeads !== 0) broken(fields.path('keyHeads'), keyHeads, `a divisor of ${valueHeads}`);
  return {
    kind,
    keyHeads,
    valueHeads,
    headDim: fields.integer('headDim', 1, MAX_HEADS),
    kernel,
    keyHeadOrder: fields.oneOf('keyHeadOrder', ['tiled', 'grouped'] as const),
    ...(fields.has('outputGate') && { outputGate: fields.oneOf('outputGate', ['silu', 'sigmoid'] as const) }),
    decay: fields.oneOf('decay', ['negated', 'logarithm'] as const),
  };
}
