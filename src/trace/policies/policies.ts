import type { CachePolicyName } from '../../cache/policy.js';
import { beladyPool } from './belady-pool.js';
import { bundlePool, lfuPool, sharedPool } from './engine-pools.js';
import type { Pool, PoolRequest } from './pool.js';
import { ringPool } from './ring-pool.js';

/** Tokens that `window` looks back over. */
const WINDOW = 4;

/** A policy with one cache for the whole model, or one for each layer. */
export interface Policy {
  name: string;
  /** The `tuning.cache` under which the engine does the same; null where it never does. */
  cache: CachePolicyName | null;
  perLayer: boolean;
  create: (request: PoolRequest) => Pool;
}

const lru = (request: PoolRequest) => bundlePool({ ...request, policy: 'lru', window: 0 });
const window = (request: PoolRequest) => bundlePool({ ...request, policy: 'window', window: WINDOW });
const pin = (request: PoolRequest) => bundlePool({ ...request, policy: 'pin', window: 0 });
const agedLfu = (request: PoolRequest) => bundlePool({ ...request, policy: 'lfu', window: 0 });
const hotLru = (request: PoolRequest) =>
  bundlePool({ ...request, policy: 'hot+lru', window: 0, hot: hotUnits(request) });
const belady = ({ units, slots, future }: PoolRequest) => beladyPool(units, slots, future());

/**
 * The policies that a replay judges, the optimum last. The engine's `pin` depends on the selector, and so does this
 * one. Its `lfu` shares slots between layers in a mixture of experts, and `hot+lru` is for selectors that pick neurons.
 */
export const policiesFor = (selector: string): readonly Policy[] => [
  { name: 'lru', cache: null, perLayer: false, create: lru },
  { name: 'layer-lru', cache: 'lru', perLayer: true, create: lru },
  { name: 'lfu', cache: null, perLayer: false, create: lfuPool },
  { name: 'layer-lfu', cache: null, perLayer: true, create: lfuPool },
  { name: 'layer-lfu-aged', cache: selector === 'router' ? null : 'lfu', perLayer: true, create: agedLfu },
  { name: 'pool', cache: selector === 'router' ? 'lfu' : null, perLayer: false, create: sharedPool },
  { name: `window:${WINDOW}`, cache: 'window', perLayer: true, create: window },
  ...(selector === 'all' || selector === 'router'
    ? []
    : [{ name: 'hot+lru', cache: 'hot+lru' as const, perLayer: true, create: hotLru }]),
  selector === 'all'
    ? { name: 'pin', cache: 'pin', perLayer: false, create: ringPool }
    : { name: 'pin', cache: 'pin', perLayer: true, create: pin },
  { name: 'layer-belady', cache: null, perLayer: true, create: belady },
  { name: 'belady', cache: null, perLayer: false, create: belady },
];

/** The units by their uses in the whole trace, most first: a calibration knows them less well. */
function hotUnits({ units, future }: PoolRequest): Uint32Array {
  const uses = new Uint32Array(units);
  for (const asked of future()) for (const unit of asked) uses[unit] += 1;
  return Uint32Array.from(uses.keys()).sort((a, b) => uses[b] - uses[a] || a - b);
}
