import type { Bridge, ResidentMatrix } from '../../native-bridge/bridge.js';
import { tensorNamed } from '../dense/check-tensors.js';
import { checkOnDisk } from '../dense/checksum.js';
import type { DenseMatrix, StreamedMatrices } from '../dense/dense-matrix.js';
import { loadMatrix, loadVector, streamedMatrix } from '../dense/load-tensor.js';
import { type AppliedNorm, Norm, noNorm, withNormOffset } from '../dense/norm.js';
import type { TensorOnDisk } from '../dense/tensor-on-disk.js';
import { hasNorms } from '../model/mixer-tensors.js';
import type { ModelSpec } from '../model/spec.js';
import { layerTensor, type ResidentLayerTensor } from '../model/tensor-names.js';

/** What the loading of a mixer needs. */
export interface MixerLoad {
  spec: ModelSpec;
  tensors: ReadonlyMap<string, TensorOnDisk>;
  bridge: Bridge;
  /** Null where every matrix stays in memory. */
  streamed: StreamedMatrices | null;
  /** The most tokens that one call will bring. */
  maxTokens: number;
  /** Working rows that all layers share, as only one runs at a time: each at least [maxTokens, its width]. */
  rows: Map<string, Float32Array>;
}

/** Loads the tensors of one layer's mixer, and lets go of the matrices together. */
export class MixerTensors {
  readonly #load: MixerLoad;
  readonly #layer: number;
  readonly #matrices: DenseMatrix[] = [];
  #vectorBytes = 0;

  constructor(load: MixerLoad, layer: number) {
    this.#load = load;
    this.#layer = layer;
  }

  /** Bytes of all that was loaded. */
  get bytes(): number {
    return this.#matrices.reduce((sum, { bytes }) => sum + bytes, this.#vectorBytes);
  }

  /** The norm before the mixer. Throws CORRUPT, NOT_FOUND or IO. */
  norm(): AppliedNorm {
    if (!hasNorms(this.#load.spec)) return noNorm(this.#load.spec);
    const weight = this.#named('attentionNorm');
    checkOnDisk(weight, this.#load.bridge);
    const norm = new Norm(this.#load.spec, { weight, bias: null });
    this.#vectorBytes += norm.bytes;
    return norm;
  }

  /** A matrix in memory, or one of MIXER_MATRICES that streams. Throws CORRUPT or BridgeError. */
  matrix(name: ResidentLayerTensor): DenseMatrix {
    const streamed = streamedMatrix(this.#load.streamed, this.#named(name), layerTensor(this.#layer, name));
    return streamed ?? this.resident(name);
  }

  /** A matrix in memory. Throws CORRUPT or BridgeError. */
  resident(name: ResidentLayerTensor): ResidentMatrix {
    const matrix = loadMatrix(this.#load.bridge, this.#named(name));
    this.#matrices.push(matrix);
    return matrix;
  }

  /** Throws CORRUPT, NOT_FOUND or IO. */
  vector(name: ResidentLayerTensor): Float32Array {
    const vector = loadVector(this.#load.bridge, this.#named(name));
    this.#vectorBytes += vector.byteLength;
    return vector;
  }

  /** The weights of a norm that a checkpoint may hold minus a constant (`normOffset`). Throws as `vector` does. */
  normVector(name: ResidentLayerTensor): Float32Array {
    return withNormOffset(this.vector(name), this.#load.spec);
  }

  /** A convolution's weights as [kernel, channels]; files have them as [channels, kernel]. */
  kernel(size: number, name: ResidentLayerTensor = 'mixerKernel'): Float32Array {
    const weights = this.vector(name);
    const channels = weights.length / size;
    return weights.map((_, i) => weights[(i % channels) * size + Math.floor(i / channels)]);
  }

  /** Shared working rows [maxTokens, width]. */
  rows(name: string, width: number): Float32Array {
    const { rows, maxTokens } = this.#load;
    const known = rows.get(name);
    if (known && known.length >= maxTokens * width) return known;
    const made = new Float32Array(maxTokens * width);
    rows.set(name, made);
    return made;
  }

  dispose(): void {
    for (const matrix of this.#matrices.splice(0)) matrix.dispose();
  }

  #named(name: ResidentLayerTensor): TensorOnDisk {
    return tensorNamed(this.#load.tensors, layerTensor(this.#layer, name));
  }
}

/** What `make` makes of a layer's tensors. Throws what it throws, and then holds nothing. */
export function withMixerTensors<T>(load: MixerLoad, layer: number, make: (tensors: MixerTensors) => T): T {
  const tensors = new MixerTensors(load, layer);
  try {
    return make(tensors);
  } catch (error) {
    tensors.dispose();
    throw error;
  }
}
