import type { Bridge, ConvolutionCall, RecurrenceCall } from '../../native-bridge/bridge.js';
import type { DenseMatrix } from '../dense/dense-matrix.js';
import { type AppliedNorm, rmsNorm } from '../dense/norm.js';
import { mixerChannels } from '../model/mixer-tensors.js';
import type { Mamba2Spec } from '../model/spec.js';
import { decayRates, silu, softplus } from './activations.js';
import { type MixerLoad, type MixerTensors, withMixerTensors } from './mixer-tensors.js';
import type { RecurrentLayer } from './recurrent-layer.js';

/** Loads a Mamba-2 mixer. Throws CORRUPT, NOT_FOUND, IO or BridgeError, and then holds nothing. */
export function loadMamba2(load: MixerLoad, layer: number, mixer: Mamba2Spec): RecurrentLayer {
  return withMixerTensors(load, layer, (tensors) => new Mamba2(load, tensors, mixer));
}

/**
 * Mamba-2 (arXiv 2405.21060; transformers, modeling_granitemoehybrid.py). Values x, keys B and queries C pass a
 * convolution and SiLU. With a step of softplus(step + bias), the state decays by e^(rate * step) and takes in step * B
 * x^T; the output is its answer to C, plus skip * x. It is weighed by silu(gate) and normed by group.
 *
 * A row of inputs is [x | B | C | steps]. The state is [columns of the convolution | matrices].
 */
class Mamba2 implements RecurrentLayer {
  readonly stateFloats: number;
  readonly inputWidth: number;
  readonly width: number;
  readonly residentBytes: number;
  readonly #mixer: Mamba2Spec;
  readonly #channels: number;
  readonly #epsilon: number;
  readonly #bridge: Bridge;
  readonly #tensors: MixerTensors;
  readonly #norm: AppliedNorm;
  readonly #input: DenseMatrix;
  readonly #stepBias: Float32Array;
  /** Per head its decay rate, below 0. */
  readonly #rates: Float32Array;
  readonly #skip: Float32Array;
  /** Per group the weights of its norm. */
  readonly #outputNorms: Float32Array[];
  readonly #rows: Record<'normed' | 'projected' | 'convolved' | 'answers', Float32Array>;
  readonly #heads: Record<'steps' | 'decays', Float32Array>;
  readonly #convolution: ConvolutionCall;
  readonly #recurrence: RecurrenceCall;

  constructor({ bridge, spec }: MixerLoad, tensors: MixerTensors, mixer: Mamba2Spec) {
    const { heads, headDim, groups, stateSize, kernel } = mixer;
    const channels = mixerChannels(mixer, spec.hiddenSize);
    const columns = (kernel - 1) * channels;
    this.#mixer = mixer;
    this.#channels = channels;
    this.#epsilon = spec.normEpsilon;
    this.#bridge = bridge;
    this.#tensors = tensors;
    this.stateFloats = columns + heads * headDim * stateSize;
    this.inputWidth = channels + heads;
    this.width = heads * headDim;
    this.#norm = tensors.norm();
    this.#input = tensors.matrix('mixerInput');
    this.#stepBias = tensors.vector('mixerStepBias');
    this.#rates = decayRates(tensors.vector('mixerDecay'), mixer.decay);
    this.#skip = tensors.vector('mixerSkip');
    const outputNorm = tensors.vector('mixerNorm');
    const group = this.width / groups;
    this.#outputNorms = Array.from({ length: groups }, (_, i) => outputNorm.subarray(i * group, (i + 1) * group));
    const weights = tensors.kernel(kernel);
    const bias = tensors.vector('mixerKernelBias');
    const rows = (name: string, width: number) => tensors.rows(name, width);
    this.#rows = {
      ...{ normed: rows('normed', spec.hiddenSize), projected: rows('projected', this.#input.rows) },
      ...{ convolved: rows('convolved', channels), answers: rows('answers', this.width) },
    };
    this.#heads = { steps: rows('steps', heads), decays: rows('decays', heads) };
    this.#convolution = {
      ...{ from: weights, to: weights, tokens: 0, channels, kernel, weights, bias, silu: true },
      ...{ inputs: weights, stride: this.inputWidth, first: 0, out: this.#rows.convolved },
    };
    this.#recurrence = this.#recurrenceCall(columns);
    this.residentBytes = tensors.bytes;
  }

  project(x: Float32Array, tokens: number, inputs: Float32Array): void {
    const { normed, projected } = this.#rows;
    this.#norm.apply(x, tokens, normed);
    this.#input.matmul(normed, tokens, projected);
    // A row of projections is [gates | x | B | C | steps].
    for (let token = 0; token < tokens; token++) {
      const from = token * this.#input.rows + this.width;
      const to = token * this.inputWidth;
      for (let i = 0; i < this.inputWidth; i++) inputs[to + i] = projected[from + i];
    }
  }

  run(
    inputs: Float32Array,
    first: number,
    tokens: number,
    from: Float32Array,
    to: Float32Array,
    mixed: Float32Array | null,
  ): void {
    const { heads } = this.#mixer;
    const { steps, decays } = this.#heads;
    Object.assign(this.#convolution, { from, to, tokens, inputs, first });
    this.#bridge.convolve(this.#convolution);
    for (let token = 0; token < tokens; token++) {
      const at = (first + token) * this.inputWidth + this.#channels;
      for (let head = 0; head < heads; head++) {
        const step = softplus(inputs[at + head] + this.#stepBias[head]);
        steps[token * heads + head] = step;
        decays[token * heads + head] = Math.exp(this.#rates[head] * step);
      }
    }
    Object.assign(this.#recurrence, { from, to, tokens, out: mixed && this.#rows.answers });
    this.#bridge.recur(this.#recurrence);
    for (let token = 0; mixed && token < tokens; token++) this.#finish(token, first + token, mixed);
  }

  dispose(): void {
    this.#tensors.dispose();
  }

  /** Makes row `row` of mixed[.., width] of the answers to token `token` of a run. */
  #finish(token: number, row: number, mixed: Float32Array): void {
    const { heads, headDim, groups } = this.#mixer;
    const { projected, convolved, answers } = this.#rows;
    const at = token * this.width;
    const gates = row * this.#input.rows;
    for (let head = 0; head < heads; head++)
      for (let i = head * headDim; i < (head + 1) * headDim; i++) {
        const answer = answers[at + i] + this.#skip[head] * convolved[token * this.#channels + i];
        mixed[row * this.width + i] = answer * silu(projected[gates + i]);
      }
    const group = this.width / groups;
    for (let i = 0; i < groups; i++) {
      const part = mixed.subarray(row * this.width + i * group, row * this.width + (i + 1) * group);
      rmsNorm(part, 1, this.#outputNorms[i], this.#epsilon, part);
    }
  }

  #recurrenceCall(stateAt: number): RecurrenceCall {
    const { heads, headDim, groups, stateSize } = this.#mixer;
    const { convolved } = this.#rows;
    return {
      ...{ from: convolved, to: convolved, stateAt, tokens: 0, heads, keyHeads: groups },
      ...{ keyDim: stateSize, valueDim: headDim, tiled: false, delta: false },
      ...{ inputs: convolved, stride: this.#channels, first: 0, valuesAt: 0, keysAt: this.width },
      ...{ queriesAt: this.width + groups * stateSize, decays: this.#heads.decays, weights: this.#heads.steps },
      out: null,
    };
  }
}
