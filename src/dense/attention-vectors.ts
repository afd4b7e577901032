import type { ModelSpec } from '../model/spec.js';
import { type LayerTensor, layerTensor } from '../model/tensor-names.js';
import { addBias } from './add-bias.js';
import { rmsNorm } from './norm.js';
import type { Rotary } from './rotary.js';
import { readVector, type TensorOnDisk } from './tensor-on-disk.js';
import { tensorNamed } from './tensors.js';

/** What is done to queries, keys and values between their projection and attention: biases, norms, rotary. */
export class AttentionVectors {
  readonly #spec: ModelSpec;
  readonly #rotary: Rotary | null;
  /** Per layer; empty vectors where the model has none. */
  readonly #biases: Float32Array[][] = [];
  readonly #norms: Float32Array[][] = [];
  /** Bytes of the vectors held. */
  readonly residentBytes: number;

  /** `check` compares a tensor with its checksum before it is read. */
  constructor(
    spec: ModelSpec,
    tensors: ReadonlyMap<string, TensorOnDisk>,
    rotary: Rotary | null,
    check: (tensor: TensorOnDisk) => void,
  ) {
    this.#spec = spec;
    this.#rotary = rotary;
    let residentBytes = 0;
    for (let layer = 0; layer < spec.numLayers; layer++) {
      const read = (names: LayerTensor[]) =>
        names.map((name) => {
          const tensor = tensorNamed(tensors, layerTensor(layer, name));
          check(tensor);
          const vector = readVector(tensor);
          residentBytes += vector.byteLength;
          return vector;
        });
      this.#biases.push(spec.queryKeyValueBiases ? read(['qBias', 'kBias', 'vBias']) : []);
      this.#norms.push(spec.queryKeyNorm ? read(['qNorm', 'kNorm']) : []);
    }
    this.residentBytes = residentBytes;
  }

  /** In place: q[tokens, heads * headDim], k and v[tokens, kvHeads * headDim] of one layer, token t at position `position + t`. */
  finish(layer: number, tokens: number, position: number, q: Float32Array, k: Float32Array, v: Float32Array): void {
    const { numAttentionHeads, numKeyValueHeads, queryKeyNorm, normEpsilon } = this.#spec;
    if (this.#biases[layer].length > 0) {
      const [qBias, kBias, vBias] = this.#biases[layer];
      addBias(q, tokens, qBias);
      addBias(k, tokens, kBias);
      addBias(v, tokens, vBias);
    }
    if (queryKeyNorm) {
      const [qNorm, kNorm] = this.#norms[layer];
      const byHead = queryKeyNorm === 'head';
      rmsNorm(q, byHead ? tokens * numAttentionHeads : tokens, qNorm, normEpsilon, q);
      rmsNorm(k, byHead ? tokens * numKeyValueHeads : tokens, kNorm, normEpsilon, k);
    }
    this.#rotary?.apply(q, tokens, numAttentionHeads, position);
    this.#rotary?.apply(k, tokens, numKeyValueHeads, position);
  }
}
