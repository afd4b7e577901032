import type { KeyValueCacheOptions } from '../../native-bridge/bridge.js';

/** How keys and values are kept. `q8` alone is coarse enough to move the output. */
export type StateFormat = 'f16' | 'f32' | 'q8';

/** What the bridge keeps them as. 16 bits a value are integers with scales: bridge.ts says why. */
const KEPT_AS: Readonly<Record<StateFormat, KeyValueCacheOptions['format']>> = { f16: 'i16', f32: 'f32', q8: 'i8' };

export const STATE_FORMATS: readonly StateFormat[] = ['f16', 'f32', 'q8'];

export const keptAs = (format: StateFormat): KeyValueCacheOptions['format'] => KEPT_AS[format];

export const isStateFormat = (name: string): name is StateFormat => Object.hasOwn(KEPT_AS, name);
