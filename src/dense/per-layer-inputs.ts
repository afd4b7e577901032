import type { Bridge, ResidentMatrix } from '../../native-bridge/bridge.js';
import { ACTIVATIONS } from '../../native-bridge/twin/activation.js';
import type { ModelSpec } from '../model/spec.js';
import { layerTensor, PER_LAYER_EMBEDDING, PER_LAYER_NORM, PER_LAYER_PROJECTION } from '../model/tensor-names.js';
import { tensorNamed } from './check-tensors.js';
import { checkOnDisk } from './checksum.js';
import { Embedding } from './embedding.js';
import { HeldParts } from './held-parts.js';
import { loadMatrix } from './load-tensor.js';
import { readNormWeight, rmsNorm } from './norm.js';
import type { TensorOnDisk } from './tensor-on-disk.js';

interface LayerParts {
  gate: ResidentMatrix;
  output: ResidentMatrix;
  norm: Float32Array;
}

/** The matrices of a layer that its own inputs pass. */
export const PER_LAYER_MATRICES = ['perLayerGate', 'perLayerOutput'] as const;

/**
 * Inputs that each layer has for itself (Gemma 3n): rows of a table that stays on disk, with a projection of the
 * embedding. After its network a layer adds them, gated by its residual stream.
 */
export class PerLayerInputs {
  readonly #spec: ModelSpec;
  readonly #size: number;
  readonly #table: Embedding;
  readonly #projection: ResidentMatrix;
  readonly #norm: Float32Array;
  readonly #layers: LayerParts[] = [];
  readonly #held = new HeldParts();
  /** The inputs of a chunk, [tokens, numLayers * size]. */
  readonly #inputs: Float32Array;
  /** Working rows: projections like the inputs; gates [tokens, size]; outputs [tokens, hiddenSize]. */
  readonly #projected: Float32Array;
  readonly #gates: Float32Array;
  readonly #rows: Float32Array;
  /** Bytes of the weights held. */
  readonly residentBytes: number;

  /** Throws CORRUPT, NOT_FOUND, IO or BridgeError, and then holds nothing. */
  constructor(spec: ModelSpec, tensors: ReadonlyMap<string, TensorOnDisk>, bridge: Bridge, maxTokens: number) {
    const { size } = spec.perLayerInputs!;
    const { hiddenSize, numLayers } = spec;
    this.#spec = spec;
    this.#size = size;
    this.#inputs = new Float32Array(maxTokens * numLayers * size);
    this.#projected = new Float32Array(maxTokens * numLayers * size);
    this.#gates = new Float32Array(maxTokens * size);
    this.#rows = new Float32Array(maxTokens * hiddenSize);
    let residentBytes = 0;
    const matrix = (name: string) => {
      const loaded = this.#held.keep(loadMatrix(bridge, tensorNamed(tensors, name)));
      residentBytes += loaded.bytes;
      return loaded;
    };
    const norm = (name: string) => {
      const tensor = tensorNamed(tensors, name);
      checkOnDisk(tensor, bridge);
      const weight = readNormWeight(tensor, spec);
      residentBytes += weight.byteLength;
      return weight;
    };
    try {
      const table = tensorNamed(tensors, PER_LAYER_EMBEDDING);
      checkOnDisk(table, bridge);
      this.#table = this.#held.keep(new Embedding(table, null));
      this.#projection = matrix(PER_LAYER_PROJECTION);
      this.#norm = norm(PER_LAYER_NORM);
      for (let layer = 0; layer < numLayers; layer++) {
        const [gate, output] = PER_LAYER_MATRICES.map((name) => matrix(layerTensor(layer, name)));
        this.#layers.push({ gate, output, norm: norm(layerTensor(layer, 'postPerLayerNorm')) });
      }
    } catch (error) {
      this.dispose();
      throw error;
    }
    this.residentBytes = residentBytes;
  }

  /** Makes the inputs of all layers for a chunk: of its ids, and of x[ids.length, hiddenSize], its embedding. */
  embed(ids: ArrayLike<number>, x: Float32Array): void {
    const { hiddenSize, numLayers, normEpsilon } = this.#spec;
    const values = ids.length * numLayers * this.#size;
    const [inputs, projected] = [this.#inputs, this.#projected];
    this.#table.rows(ids, inputs);
    this.#projection.matmul(x, ids.length, projected);
    const scale = 1 / Math.sqrt(hiddenSize);
    for (let i = 0; i < values; i++) projected[i] *= scale;
    rmsNorm(projected, ids.length * numLayers, this.#norm, normEpsilon, projected);
    const rowScale = Math.sqrt(this.#size);
    for (let i = 0; i < values; i++) inputs[i] = (inputs[i] * rowScale + projected[i]) * Math.SQRT1_2;
  }

  /** x[tokens, hiddenSize] += norm(output(act(gate x) * the layer's inputs)), for the chunk of the last `embed`. */
  add(layer: number, x: Float32Array, tokens: number): void {
    const { hiddenSize, numLayers, normEpsilon, activation } = this.#spec;
    const { gate, output, norm } = this.#layers[layer];
    const [size, gates, rows] = [this.#size, this.#gates, this.#rows];
    const act = ACTIVATIONS[activation];
    gate.matmul(x, tokens, gates);
    for (let token = 0; token < tokens; token++) {
      const first = (token * numLayers + layer) * size;
      for (let i = 0; i < size; i++) gates[token * size + i] = act(gates[token * size + i]) * this.#inputs[first + i];
    }
    output.matmul(gates, tokens, rows);
    rmsNorm(rows, tokens, norm, normEpsilon, rows);
    for (let i = 0; i < tokens * hiddenSize; i++) x[i] += rows[i];
  }

  dispose(): void {
    void this.#held.dispose();
  }
}
