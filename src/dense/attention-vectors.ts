import type { Bridge } from '../../native-bridge/bridge.js';
import { hasKeys } from '../model/attention-layers.js';
import { headsOf } from '../model/layer-heads.js';
import { hasAttention } from '../model/mixer-tensors.js';
import type { ModelSpec } from '../model/spec.js';
import { type LayerTensor, layerTensor } from '../model/tensor-names.js';
import { tensorNamed } from './check-tensors.js';
import { checkOnDisk } from './checksum.js';
import { readNormWeight, rmsNorm } from './norm.js';
import type { Rotary } from './rotary.js';
import { readVector, type TensorOnDisk } from './tensor-on-disk.js';
import { addBias, heat, scaleBy } from './vectors.js';

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
  /** The weights of the norm of values, which has none; empty without that norm. */
  readonly #ones: Float32Array;
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
    const widest = Math.max(spec.headDim, spec.slidingWindow?.heads?.headDim ?? 0);
    this.#ones = new Float32Array(spec.valueNorm ? widest : 0).fill(1);
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
      const attends = hasAttention(spec, layer);
      this.#biases.push(attends && spec.queryKeyValueBiases ? read(['qBias', 'kBias', 'vBias'], readVector) : []);
      this.#norms.push(
        attends && spec.queryKeyNorm
          ? read(hasKeys(spec, layer) ? ['qNorm', 'kNorm'] : ['qNorm'], (tensor) => readNormWeight(tensor, spec))
          : [],
      );
    }
    this.residentBytes = residentBytes;
  }

  /**
   * Changes q[tokens, heads * headDim], k and v[tokens, kvHeads * headDim] of one layer in place. Token t stands at
   * positions[t].
   */
  finish(
    layer: number,
    tokens: number,
    positions: ArrayLike<number>,
    q: Float32Array,
    k: Float32Array,
    v: Float32Array,
  ): void {
    const spec = this.#spec;
    const { numAttentionHeads, queryTemperature, queryScale } = spec;
    const { headDim, numKeyValueHeads } = headsOf(spec, layer);
    const ownKeys = hasKeys(spec, layer);
    if (this.#biases[layer].length > 0) {
      const [qBias, kBias, vBias] = this.#biases[layer];
      addBias(q, tokens, qBias);
      addBias(k, tokens, kBias);
      addBias(v, tokens, vBias);
    }
    this.#applyNorms(layer, tokens, q, k, v);
    const rotary = this.#rotaryOf(layer);
    rotary?.apply(q, tokens, numAttentionHeads, positions);
    if (ownKeys) rotary?.apply(k, tokens, numKeyValueHeads, positions);
    const width = numAttentionHeads * headDim;
    if (queryTemperature) heat(q, tokens, width, positions, queryTemperature);
    // Attention itself divides by sqrt(headDim).
    const scale = queryScale * (spec.unscaledAttention ? Math.sqrt(headDim) : 1);
    if (scale !== 1) scaleBy(q, tokens * width, scale);
  }

  #applyNorms(layer: number, tokens: number, q: Float32Array, k: Float32Array, v: Float32Array): void {
    const { numAttentionHeads, queryKeyNorm, normEpsilon } = this.#spec;
    const { headDim, numKeyValueHeads } = headsOf(this.#spec, layer);
    if (this.#ones.length > 0 && hasKeys(this.#spec, layer))
      rmsNorm(v, tokens * numKeyValueHeads, this.#ones.subarray(0, headDim), normEpsilon, v);
    if (!queryKeyNorm) return;
    const [qNorm, kNorm] = this.#norms[layer];
    const byHead = queryKeyNorm === 'head';
    rmsNorm(q, byHead ? tokens * numAttentionHeads : tokens, qNorm, normEpsilon, q);
    if (kNorm) rmsNorm(k, byHead ? tokens * numKeyValueHeads : tokens, kNorm, normEpsilon, k);
  }
}
