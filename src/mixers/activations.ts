export const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

export const silu = (x: number): number => x / (1 + Math.exp(-x));

/** ln(1 + e^x); beyond 20 it is x to a float's precision. */
export const softplus = (x: number): number => (x > 20 ? x : Math.log1p(Math.exp(x)));

/** Per head its decay rate, below 0, from what a checkpoint holds. */
export const decayRates = (held: Float32Array, kind: 'negated' | 'logarithm'): Float32Array =>
  kind === 'negated' ? held : held.map((logarithm) => -Math.exp(logarithm));
