/**
 * Turns a score per neuron and token into units, and into a mask for each token. A token then skips the same neurons
 * whoever shares its chunk.
 */
export class TokenMasks {
  /** [tokens, count] of the last `choose`: 1 where the token itself asks for the unit, else 0. */
  readonly weights: Float32Array;
  readonly #asked: Uint8Array;

  constructor(maxTokens: number, maxUnits: number) {
    this.weights = new Float32Array(maxTokens * maxUnits);
    this.#asked = new Uint8Array(maxTokens * maxUnits);
  }

  /**
   * Writes the units that have any of scores[tokens, neurons] above its neuron's cutoff[neurons], ascending, and
   * returns how many. NaN is above every cutoff: damage must show in the output.
   */
  choose(
    scores: Float32Array,
    cutoff: Float32Array,
    neuronsPerUnit: number,
    tokens: number,
    units: Uint32Array,
  ): number {
    if (tokens === 1 && neuronsPerUnit === 1) return this.#chooseOne(scores, cutoff, units);
    const neurons = cutoff.length;
    const total = Math.ceil(neurons / neuronsPerUnit);
    let count = 0;
    for (let unit = 0; unit < total; unit++) {
      const first = unit * neuronsPerUnit;
      const end = Math.min(first + neuronsPerUnit, neurons);
      let any = 0;
      for (let token = 0; token < tokens; token++) {
        let above = 0;
        for (let i = first; i < end; i++) if (!(scores[token * neurons + i] <= cutoff[i])) above = 1;
        this.#asked[token * total + unit] = above;
        any |= above;
      }
      if (any !== 0) units[count++] = unit;
    }
    for (let token = 0; token < tokens; token++) {
      for (let i = 0; i < count; i++) this.weights[token * count + i] = this.#asked[token * total + units[i]];
    }
    return count;
  }

  /** The same for one token and units of one neuron. Each generated token comes here. */
  #chooseOne(scores: Float32Array, cutoff: Float32Array, units: Uint32Array): number {
    let count = 0;
    for (let i = 0; i < cutoff.length; i++) if (!(scores[i] <= cutoff[i])) units[count++] = i;
    this.weights.fill(1, 0, count);
    return count;
  }
}
