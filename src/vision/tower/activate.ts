import { ACTIVATIONS } from '../../../native-bridge/twin/activation.js';
import type { TowerActivation } from './tower-spec.js';

const FUNCTIONS: Readonly<Record<TowerActivation, (x: number) => number>> = {
  'quick-gelu': (x) => x / (1 + Math.exp(-1.702 * x)),
  gelu: ACTIVATIONS.gelu,
  'gelu-tanh': ACTIVATIONS['gelu-tanh'],
};

/** Replaces the first `count` values by their activation. */
export function activate(values: Float32Array, count: number, activation: TowerActivation): void {
  const apply = FUNCTIONS[activation];
  for (let i = 0; i < count; i++) values[i] = apply(values[i]);
}
