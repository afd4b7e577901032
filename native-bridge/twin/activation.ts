import type { BridgeActivation } from '../bridge.js';

const TWO_OVER_ROOT_PI = 2 / Math.sqrt(Math.PI);

/** 1 - erf(x) to about 1e-15 (DLMF 7.6.2 near zero, the continued fraction 7.9.1 beyond). */
function erfc(x: number): number {
  if (Number.isNaN(x)) return NaN;
  if (x < 0) return 2 - erfc(-x);
  if (x < 2.5) {
    let term = x;
    let sum = x;
    for (let n = 1; term > sum * 1e-17; n++) {
      term *= (2 * x * x) / (2 * n + 1);
      sum += term;
    }
    return 1 - TWO_OVER_ROOT_PI * Math.exp(-x * x) * sum;
  }
  let fraction = x;
  for (let n = 60; n > 0; n--) fraction = x + n / 2 / fraction;
  return Math.exp(-x * x) / (Math.sqrt(Math.PI) * fraction);
}

/** The limit of the clamped SwiGLU (gpt-oss, arXiv 2508.10925). */
const LIMIT = 7;

/** `limit` is that of `clamped-silu`. */
export const ACTIVATIONS: Readonly<Record<BridgeActivation, (x: number, limit?: number) => number>> = {
  relu: (x) => Math.max(0, x),
  silu: (x) => x / (1 + Math.exp(-x)),
  gelu: (x) => 0.5 * x * erfc(-x * Math.SQRT1_2),
  'gelu-tanh': (x) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
  'clamped-swiglu': (x) => Math.min(x, LIMIT) / (1 + Math.exp(-1.702 * Math.min(x, LIMIT))),
  'relu-squared': (x) => Math.max(0, x) ** 2,
  'clamped-silu': (x, limit = Number.POSITIVE_INFINITY) => Math.min(x, limit) / (1 + Math.exp(-Math.min(x, limit))),
};

/** The factor that up's product gives to the activated gate. */
export function activatedUp(activation: BridgeActivation, up: number, limit = Number.POSITIVE_INFINITY): number {
  if (activation === 'clamped-silu') return Math.max(-limit, Math.min(up, limit));
  return activation === 'clamped-swiglu' ? Math.max(-LIMIT, Math.min(up, LIMIT)) + 1 : up;
}
