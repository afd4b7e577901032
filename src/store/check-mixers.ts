import type { RecurrentLayersSpec, RecurrentSpec } from '../model/spec.js';
import { broken, type ManifestFields } from './manifest-fields.js';

/** Far above any model. Products of three of them stay exact in a double. */
const MAX_HEADS = 65536;

/**
 * Checks untrusted data and returns it as a RecurrentLayersSpec. Throws CORRUPT with the name of the first bad field.
 */
export function checkRecurrent(fields: ManifestFields, numLayers: number): RecurrentLayersSpec {
  const layers = fields.list('layers', numLayers).map((is) => {
    if (typeof is !== 'boolean') broken(fields.path('layers'), is, 'a list of true and false');
    return is;
  });
  return { mixer: checkMixer(fields.fields('mixer')), layers };
}

function checkMixer(fields: ManifestFields): RecurrentSpec {
  const kind = fields.oneOf('kind', ['short-convolution', 'delta-net'] as const);
  const kernel = fields.integer('kernel', 2, 64);
  if (kind === 'short-convolution') return { kind, kernel };
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
    decay: fields.oneOf('decay', ['negated', 'logarithm'] as const),
  };
}
