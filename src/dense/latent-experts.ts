import { expertsOf } from '../model/feed-forward.js';
import { layerTensor } from '../model/tensor-names.js';
import type { DenseMatrix } from './dense-matrix.js';
import { denseMatrix, type SegmentLoad } from './load-layer.js';

/**
 * The matrices around experts that work in a space of their own, narrower than the residual stream (Nemotron 3 Super):
 * one before the experts of a layer, and one after their sum.
 */
export class LatentExperts {
  readonly #layers: ({ input: DenseMatrix; output: DenseMatrix } | null)[] = [];
  /** What a layer's experts read, [maxTokens, latentSize], and their sum in the wide space, [maxTokens, hiddenSize]. */
  readonly #inputs: Float32Array;
  readonly #outputs: Float32Array;
  /** Bytes of the matrices held. */
  readonly residentBytes: number = 0;

  /** Loads all layers. Throws CORRUPT, NOT_FOUND, IO or BridgeError. */
  constructor(load: SegmentLoad, latentSize: number, maxTokens: number) {
    const { spec } = load;
    this.#inputs = new Float32Array(maxTokens * latentSize);
    this.#outputs = new Float32Array(maxTokens * spec.hiddenSize);
    for (let layer = 0; layer < spec.numLayers; layer++) {
      const [input, output] = expertsOf(spec, layer)
        ? (['expertsInput', 'expertsOutput'] as const).map((name) => denseMatrix(load, layerTensor(layer, name)))
        : [];
      this.#layers.push(input && output ? { input, output } : null);
      this.residentBytes += (input?.bytes ?? 0) + (output?.bytes ?? 0);
    }
  }

  /** What the experts of a layer read, made of x[tokens, hiddenSize]; x for a layer without experts. */
  inputs(layer: number, x: Float32Array, tokens: number): Float32Array {
    const matrices = this.#layers[layer];
    if (!matrices) return x;
    matrices.input.matmul(x, tokens, this.#inputs);
    return this.#inputs;
  }

  /** Makes output[tokens, hiddenSize] of the experts' sum, which stands at its start as [tokens, latentSize]. */
  finish(layer: number, tokens: number, output: Float32Array): void {
    const matrices = this.#layers[layer];
    if (!matrices) return;
    matrices.output.matmul(output, tokens, this.#outputs);
    output.set(this.#outputs.subarray(0, tokens * matrices.output.rows));
  }
}
