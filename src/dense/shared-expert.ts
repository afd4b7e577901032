import { ACTIVATIONS, activatedUp } from '../../native-bridge/twin/activation.js';
import { expertsOf } from '../model/feed-forward.js';
import type { ModelSpec } from '../model/spec.js';
import { layerTensor } from '../model/tensor-names.js';
import type { DenseMatrix } from './dense-matrix.js';
import { denseMatrix, type SegmentLoad } from './load-layer.js';

type SharedPart = 'sharedRouter' | 'sharedGate' | 'sharedUp' | 'sharedDown';

/** The matrices of a layer's shared expert. */
const sharedParts = ({ gated, experts }: ModelSpec): readonly SharedPart[] => [
  ...(experts?.sharedRouter ? (['sharedRouter'] as const) : []),
  ...(gated ? (['sharedGate'] as const) : []),
  'sharedUp',
  'sharedDown',
];

type SharedLayer = Partial<Record<SharedPart, DenseMatrix>> & Record<'sharedUp' | 'sharedDown', DenseMatrix>;

/**
 * The expert that every token takes (arXiv 2401.06066), in some models weighed by the sigmoid of its own router. Layers
 * before the first with experts have none.
 */
export class SharedExpert {
  readonly #spec: ModelSpec;
  /** By layer; empty for those without experts. */
  readonly #layers: (SharedLayer | null)[] = [];
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
    const { sharedIntermediateSize: neurons } = spec.experts!;
    this.#spec = spec;
    this.#shares = new Float32Array(maxTokens);
    this.#gates = new Float32Array(maxTokens * neurons);
    this.#ups = new Float32Array(maxTokens * neurons);
    this.#rows = new Float32Array(maxTokens * spec.hiddenSize);
    for (let layer = 0; layer < spec.numLayers; layer++) {
      const matrices: Partial<Record<SharedPart, DenseMatrix>> = {};
      const has = expertsOf(spec, layer) !== null;
      this.#layers.push(has ? (matrices as SharedLayer) : null);
      for (const name of has ? sharedParts(spec) : []) {
        const matrix = denseMatrix(load, layerTensor(layer, name));
        matrices[name] = matrix;
        this.residentBytes += matrix.bytes;
      }
    }
  }

  /**
   * The network's output [tokens, hiddenSize] for x[tokens, hiddenSize], weighed: down(act(gate x) * up x). It is valid
   * until the next call. Null for a layer without experts.
   */
  run(layer: number, x: Float32Array, tokens: number): Float32Array | null {
    const matrices = this.#layers[layer];
    if (!matrices) return null;
    const { sharedRouter, sharedGate, sharedUp, sharedDown } = matrices;
    const { activation, activationLimits } = this.#spec;
    const limit = activationLimits?.shared ?? 0;
    sharedUp.matmul(x, tokens, this.#ups);
    sharedGate?.matmul(x, tokens, this.#gates);
    const act = ACTIVATIONS[activation];
    const hidden = sharedGate ? this.#gates : this.#ups;
    for (let i = 0; i < tokens * sharedUp.rows; i++) {
      const up = sharedGate ? activatedUp(activation, this.#ups[i], limit) : 1;
      hidden[i] = act(hidden[i], limit) * up;
    }
    sharedDown.matmul(hidden, tokens, this.#rows);
    sharedRouter?.matmul(x, tokens, this.#shares);
    for (let token = 0; sharedRouter && token < tokens; token++) {
      const share = 1 / (1 + Math.exp(-this.#shares[token]));
      const end = (token + 1) * sharedDown.rows;
      for (let i = token * sharedDown.rows; i < end; i++) this.#rows[i] *= share;
    }
    return this.#rows;
  }
}
