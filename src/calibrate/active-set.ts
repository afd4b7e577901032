import type { ResidentMatrix } from '../../native-bridge/bridge.js';
import type { LayerInputs } from './layer-inputs.js';

/** Tokens multiplied at once. */
const CHUNK_TOKENS = 128;

/**
 * The neurons of a layer that each token activates: bits [tokens, ceil(numNeurons / 8)], neuron n in bit n % 8 of byte
 * floor(n / 8).
 */
export class ActiveSet {
  readonly bits: Uint8Array;
  /** Bytes of one token's bits. */
  readonly rowBytes: number;

  readonly tokens: number;
  readonly numNeurons: number;

  constructor(tokens: number, numNeurons: number) {
    this.tokens = tokens;
    this.numNeurons = numNeurons;
    this.rowBytes = Math.ceil(numNeurons / 8);
    this.bits = new Uint8Array(tokens * this.rowBytes);
  }

  /**
   * Marks, for `tokens` tokens from `first` on, the neurons whose products[tokens, numNeurons] are above zero. NaN
   * counts as active: damage is no reason to skip a neuron.
   */
  mark(first: number, tokens: number, products: Float32Array): void {
    const { numNeurons, rowBytes, bits } = this;
    for (let token = 0; token < tokens; token++) {
      const row = (first + token) * rowBytes;
      for (let n = 0; n < numNeurons; n++)
        if (!(products[token * numNeurons + n] <= 0)) bits[row + (n >> 3)] |= 1 << (n & 7);
    }
  }

  /** True if a token activates a neuron. */
  has(token: number, neuron: number): boolean {
    return ((this.bits[token * this.rowBytes + (neuron >> 3)] >> (neuron & 7)) & 1) === 1;
  }

  /** Activations of all neurons by tokens [first, end). */
  activations(first: number, end: number): number {
    return this.counts(first, end).reduce((sum, count) => sum + count, 0);
  }

  /** Per neuron the number of tokens in [first, end) that activate it, [numNeurons]. */
  counts(first: number, end: number): Uint32Array {
    const counts = new Uint32Array(this.numNeurons);
    for (let token = first; token < end; token++) {
      for (let n = 0; n < this.numNeurons; n++) if (this.has(token, n)) counts[n] += 1;
    }
    return counts;
  }
}

/**
 * Finds the neurons that each token activates: those whose product with the gate [numNeurons, hiddenSize], plus their
 * bias [numNeurons], is above zero.
 */
export function findActiveSet(gate: ResidentMatrix, bias: Float32Array | null, inputs: LayerInputs): ActiveSet {
  const active = new ActiveSet(inputs.tokens, gate.rows);
  const x = new Float32Array(CHUNK_TOKENS * inputs.hiddenSize);
  const products = new Float32Array(CHUNK_TOKENS * gate.rows);
  for (let first = 0; first < inputs.tokens; first += CHUNK_TOKENS) {
    const tokens = Math.min(CHUNK_TOKENS, inputs.tokens - first);
    inputs.read(first, tokens, x, 0);
    gate.matmul(x, tokens, products);
    if (bias) for (let i = 0; i < tokens * gate.rows; i++) products[i] += bias[i % gate.rows];
    active.mark(first, tokens, products);
  }
  return active;
}
