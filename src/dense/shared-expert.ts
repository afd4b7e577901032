import { layerTensor } from '../model/tensor-names.js';
import type { DenseMatrix } from './dense-matrix.js';
import { denseMatrix, type SegmentLoad } from './load-layer.js';

/** The matrices of a layer's shared expert. */
const SHARED_PARTS = ['sharedRouter', 'sharedGate', 'sharedUp', 'sharedDown'] as const;

/** The expert that every token takes (arXiv 2401.06066), weighed by the sigmoid of its own router. */
export class SharedExpert {
  readonly #layers: Record<(typeof SHARED_PARTS)[number], DenseMatrix>[] = [];
  /** Working rows for one call: the router's logits [maxTokens], the gate's and up's products, and down's. */
  readonly #shares: Float32Array;
  readonly #gates: Float32Array;
  readonly #ups: Float32Array;
  readonly #rows: Float32Array;
  /** Bytes of the matrices held. */
  readonly residentBytes: number = 0;

  /** Loads all layers. Throws CORRUPT, NOT_FOUND, IO or BridgeError. */
  constructor(load: SegmentLoad, maxTokens: number) {
    const { spec } = load;
    const neurons = spec.experts!.sharedIntermediateSize;
    this.#shares = new Float32Array(maxTokens);
    this.#gates = new Float32Array(maxTokens * neurons);
    this.#ups = new Float32Array(maxTokens * neurons);
    this.#rows = new Float32Array(maxTokens * spec.hiddenSize);
    for (let layer = 0; layer < spec.numLayers; layer++) {
      const matrices = {} as Record<(typeof SHARED_PARTS)[number], DenseMatrix>;
      this.#layers.push(matrices);
      for (const name of SHARED_PARTS) {
        matrices[name] = denseMatrix(load, layerTensor(layer, name));
        this.residentBytes += matrices[name].bytes;
      }
    }
  }

  /** output[tokens, hiddenSize] += sigmoid(router x) * down(silu(gate x) * up x), for x[tokens, hiddenSize]. */
  add(layer: number, x: Float32Array, tokens: number, output: Float32Array): void {
    const { sharedRouter, sharedGate, sharedUp, sharedDown } = this.#layers[layer];
    sharedRouter.matmul(x, tokens, this.#shares);
    sharedGate.matmul(x, tokens, this.#gates);
    sharedUp.matmul(x, tokens, this.#ups);
    for (let i = 0; i < tokens * sharedGate.rows; i++) {
      this.#gates[i] = (this.#gates[i] / (1 + Math.exp(-this.#gates[i]))) * this.#ups[i];
    }
    sharedDown.matmul(this.#gates, tokens, this.#rows);
    for (let token = 0; token < tokens; token++) {
      const share = 1 / (1 + Math.exp(-this.#shares[token]));
      const end = (token + 1) * sharedDown.rows;
      for (let i = token * sharedDown.rows; i < end; i++) output[i] += share * this.#rows[i];
    }
  }
}
