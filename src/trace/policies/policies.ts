import { beladyPool } from './belady-pool.js';
import { bundlePool, lfuPool, sharedPool } from './engine-pools.js';
import type { Pool, PoolRequest } from './pool.js';
import { ringPool } from './ring-pool.js';

/** Tokens that `window` looks back over. */
const WINDOW = 4;

/** A policy with one cache for the whole model, or one for each layer. */
export interface Policy {
  name: string;
  perLayer: boolean;
  create: (request: PoolRequest) => Pool;
}

const lru = (request: PoolRequest) => bundlePool({ ...request, policy: 'lru', window: 0 });
const window = (request: PoolRequest) => bundlePool({ ...request, policy: 'window', window: WINDOW });
const pin = (request: PoolRequest) => bundlePool({ ...request, policy: 'pin', window: 0 });
const agedLfu = (request: PoolRequest) => bundlePool({ ...request, policy: 'lfu', window: 0 });
const belady = ({ units, slots, future }: PoolRequest) => beladyPool(units, slots, future());

/**
 * The policies that a replay judges, the optimum last. The engine's `pin` depends on the selector, and so does this
 * one.
 */
export const policiesFor = (selector: string): readonly Policy[] => [
  { name: 'lru', perLayer: false, create: lru },
  { name: 'layer-lru', perLayer: true, create: lru },
  { name: 'lfu', perLayer: false, create: lfuPool },
  { name: 'layer-lfu', perLayer: true, create: lfuPool },
  { name: 'layer-lfu-aged', perLayer: true, create: agedLfu },
  { name: 'pool', perLayer: false, create: sharedPool },
  { name: `window:${WINDOW}`, perLayer: true, create: window },
  selector === 'all'
    ? { name: 'pin', perLayer: false, create: ringPool }
    : { name: 'pin', perLayer: true, create: pin },
  { name: 'layer-belady', perLayer: true, create: belady },
  { name: 'belady', perLayer: false, create: belady },
];
