import type { ModelSpec } from '../model/spec.js';
import { type LayerTensor, layerTensor } from '../model/tensor-names.js';
import { readNormWeight, rmsNorm } from './norm.js';
import type { Rotary } from './rotary.js';
import { readVector, type TensorOnDisk } from './tensor-on-disk.js';
import { tensorNamed } from './tensors.js';
import { addBias, scaleBy } from './vectors.js';

/** What is done to queries, keys and values between their projection and attention: biases, norms, rotary. */
export class AttentionVectors {
  readonly #spec: ModelSpec;
  readonly #rotaryOf: (layer: number) => Rotary | null;
  /** Per layer; empty vectors where the model has none. */
  readonly #biases: Float32Array[][] = [];
  readonly #norms: Float32Array[][] = [];
  /** Bytes of the vectors held. */
  readonly residentBytes: number;

  /** `check` compares a tensor with its checksum before it is read. */
  constructor(
    spec: ModelSpec,
    tensors: ReadonlyMap<string, TensorOnDisk>,
    rotaryOf: (layer: number) => Rotary | null,
    check: (tensor: TensorOnDisk) => void,
  ) {
    this.#spec = spec;
    this.#rotaryOf = rotaryOf;
    let residentBytes = 0;
    for (let layer = 0; layer < spec.numLayers; layer++) {
      const read = (names: LayerTensor[], readOne: (tensor: TensorOnDisk) => Float32Array) =>
        names.map((name) => {
          const tensor = tensorNamed(tensors, layerTensor(layer, name));
          check(tensor);
          const vector = readOne(tensor);
          residentBytes += vector.byteLength;
          return vector;
        });
      this.#biases.push(spec.queryKeyValueBiases ? read(['qBias', 'kBias', 'vBias'], readVector) : []);
      this.#norms.push(spec.queryKeyNorm ? read(['qNorm', 'kNorm'], (tensor) => readNormWeight(tensor, spec)) : []);
    }
    this.residentBytes = residentBytes;
  }

  /** In place: q[tokens, heads * headDim], k and v[tokens, kvHeads * headDim] of one layer, token t at position `position + t`. */
  finish(layer: number, tokens: number, position: number, q: Float32Array, k: Float32Array, v: Float32Array): void {
    const { numAttentionHeads, numKeyValueHeads, queryKeyNorm, normEpsilon, queryScale } = this.#spec;
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
    const rotary = this.#rotaryOf(layer);
    rotary?.apply(q, tokens, numAttentionHeads, position);
    rotary?.apply(k, tokens, numKeyValueHeads, position);
    if (queryScale !== 1) scaleBy(q, tokens * numAttentionHeads * this.#spec.headDim, queryScale);
  }
}
