import type { Bridge } from '../../native-bridge/bridge.js';
import { recurrentOf } from '../model/mixer-tensors.js';
import type { ModelSpec } from '../model/spec.js';
import { type LayerTensor, layerTensor } from '../model/tensor-names.js';
import { tensorNamed } from './check-tensors.js';
import { checkOnDisk } from './checksum.js';
import { readNormWeight, rmsNorm } from './norm.js';
import type { Rotary } from './rotary.js';
import { readVector, type TensorOnDisk } from './tensor-on-disk.js';
import { addBias, scaleBy } from './vectors.js';

/**
 * The work on queries, keys and values between their projection and attention: biases, norms, rotary, the query's
 * scale.
 */
export class AttentionVectors {
  readonly #spec: ModelSpec;
  readonly #rotaryOf: (layer: number) => Rotary | null;
  /** Per layer [q, k, v]'s biases and [q, k]'s norms; an empty list if the model has none. */
  readonly #biases: Float32Array[][] = [];
  readonly #norms: Float32Array[][] = [];
  /** Bytes of the vectors held. */
  readonly residentBytes: number;

  /** Reads the vectors of all layers. Throws CORRUPT if a checksum does not match, NOT_FOUND or IO. */
  constructor(
    spec: ModelSpec,
    tensors: ReadonlyMap<string, TensorOnDisk>,
    rotaryOf: (layer: number) => Rotary | null,
    bridge: Bridge,
  ) {
    this.#spec = spec;
    this.#rotaryOf = rotaryOf;
    let residentBytes = 0;
    for (let layer = 0; layer < spec.numLayers; layer++) {
      const read = (names: LayerTensor[], readOne: (tensor: TensorOnDisk) => Float32Array) =>
        names.map((name) => {
          const tensor = tensorNamed(tensors, layerTensor(layer, name));
          checkOnDisk(tensor, bridge);
          const vector = readOne(tensor);
          residentBytes += vector.byteLength;
          return vector;
        });
      const attends = recurrentOf(spec, layer) === null;
      this.#biases.push(attends && spec.queryKeyValueBiases ? read(['qBias', 'kBias', 'vBias'], readVector) : []);
      this.#norms.push(
        attends && spec.queryKeyNorm ? read(['qNorm', 'kNorm'], (tensor) => readNormWeight(tensor, spec)) : [],
      );
    }
    this.residentBytes = residentBytes;
  }

  /**
   * Changes q[tokens, heads * headDim], k and v[tokens, kvHeads * headDim] of one layer in place. Token t stands at
   * position `position + t`.
   */
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
