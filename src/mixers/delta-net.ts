import type { Bridge, ConvolutionCall, RecurrenceCall } from '../../native-bridge/bridge.js';
import type { DenseMatrix } from '../dense/dense-matrix.js';
import { type AppliedNorm, rmsNorm } from '../dense/norm.js';
import { mixerChannels } from '../model/mixer-tensors.js';
import type { DeltaNetSpec } from '../model/spec.js';
import { decayRates, sigmoid, silu, softplus } from './activations.js';
import { type MixerLoad, type MixerTensors, withMixerTensors } from './mixer-tensors.js';
import type { RecurrentLayer } from './recurrent-layer.js';

/** Added to the squares of a query or a key before the root (transformers, modeling_qwen3_next.py, l2norm). */
const NORM_EPSILON = 1e-6;

/** Loads a gated delta net. Throws CORRUPT, NOT_FOUND, IO or BridgeError, and then holds nothing. */
export function loadDeltaNet(load: MixerLoad, layer: number, mixer: DeltaNetSpec): RecurrentLayer {
  return withMixerTensors(load, layer, (tensors) => new DeltaNet(load, tensors, mixer));
}

/**
 * The gated delta net of Qwen3-Next and Qwen 3.5 (arXiv 2412.06464; transformers, modeling_qwen3_next.py). For each
 * token: queries, keys and values pass a convolution and SiLU; queries and keys are brought to length 1; the state
 * decays by e^(rate * softplus(step + bias)), and its answer to the key is corrected by the share sigmoid(share); the
 * answer to the query is normed by head and weighed by silu(gate).
 *
 * A row of inputs is [queries | keys | values | steps | shares]. The state is [columns of the convolution | matrices].
 */
class DeltaNet implements RecurrentLayer {
  readonly stateFloats: number;
  readonly inputWidth: number;
  readonly width: number;
  readonly residentBytes: number;
  readonly #mixer: DeltaNetSpec;
  readonly #channels: number;
  readonly #epsilon: number;
  readonly #bridge: Bridge;
  readonly #tensors: MixerTensors;
  readonly #norm: AppliedNorm;
  readonly #input: DenseMatrix;
  readonly #gate: DenseMatrix;
  readonly #step: DenseMatrix;
  readonly #share: DenseMatrix;
  readonly #stepBias: Float32Array;
  /** Per head its decay rate, below 0. */
  readonly #rates: Float32Array;
  readonly #outputNorm: Float32Array;
  readonly #rows: Record<'normed' | 'projected' | 'gates' | 'convolved' | 'answers', Float32Array>;
  readonly #heads: Record<'steps' | 'shares' | 'decays', Float32Array>;
  readonly #convolution: ConvolutionCall;
  readonly #recurrence: RecurrenceCall;

  constructor({ bridge, spec }: MixerLoad, tensors: MixerTensors, mixer: DeltaNetSpec) {
    const { valueHeads, headDim, kernel } = mixer;
    const channels = mixerChannels(mixer, spec.hiddenSize);
    const columns = (kernel - 1) * channels;
    this.#mixer = mixer;
    this.#channels = channels;
    this.#epsilon = spec.normEpsilon;
    this.#bridge = bridge;
    this.#tensors = tensors;
    this.stateFloats = columns + valueHeads * headDim * headDim;
    this.inputWidth = channels + 2 * valueHeads;
    this.width = valueHeads * headDim;
    this.#norm = tensors.norm();
    this.#input = tensors.matrix('mixerInput');
    this.#gate = tensors.matrix('mixerGate');
    this.#step = tensors.matrix('mixerStep');
    this.#share = tensors.matrix('mixerShare');
    this.#stepBias = tensors.vector('mixerStepBias');
    this.#rates = decayRates(tensors.vector('mixerDecay'), mixer.decay);
    this.#outputNorm = tensors.vector('mixerNorm');
    const weights = tensors.kernel(kernel);
    const rows = (name: string, width: number) => tensors.rows(name, width);
    this.#rows = {
      ...{ normed: rows('normed', spec.hiddenSize), projected: rows('projected', channels) },
      ...{ gates: rows('gates', this.width), convolved: rows('convolved', channels) },
      answers: rows('answers', this.width),
    };
    const head = (name: string) => rows(name, valueHeads);
    this.#heads = { steps: head('steps'), shares: head('shares'), decays: head('decays') };
    this.#convolution = {
      ...{ from: weights, to: weights, tokens: 0, channels, kernel, weights, bias: null, silu: true },
      ...{ inputs: weights, stride: this.inputWidth, first: 0, out: this.#rows.convolved },
    };
    this.#recurrence = this.#recurrenceCall(columns);
    this.residentBytes = tensors.bytes;
  }

  project(x: Float32Array, tokens: number, inputs: Float32Array): void {
    const { normed, projected, gates } = this.#rows;
    const { steps, shares } = this.#heads;
    const { valueHeads } = this.#mixer;
    this.#norm.apply(x, tokens, normed);
    this.#input.matmul(normed, tokens, projected);
    this.#gate.matmul(normed, tokens, gates);
    this.#step.matmul(normed, tokens, steps);
    this.#share.matmul(normed, tokens, shares);
    for (let token = 0; token < tokens; token++) {
      let to = token * this.inputWidth;
      for (let i = token * this.#channels; i < (token + 1) * this.#channels; i++) inputs[to++] = projected[i];
      for (let i = token * valueHeads; i < (token + 1) * valueHeads; i++) {
        inputs[to + valueHeads] = shares[i];
        inputs[to++] = steps[i];
      }
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
    const { gates, answers } = this.#rows;
    Object.assign(this.#convolution, { from, to, tokens, inputs, first });
    this.#bridge.convolve(this.#convolution);
    this.#prepare(inputs, first, tokens);
    Object.assign(this.#recurrence, { from, to, tokens, out: mixed && answers });
    this.#bridge.recur(this.#recurrence);
    if (!mixed) return;
    rmsNorm(answers, tokens * this.#mixer.valueHeads, this.#outputNorm, this.#epsilon, answers);
    const row = first * this.width;
    const weigh = this.#mixer.outputGate === 'sigmoid' ? sigmoid : silu;
    for (let i = 0; i < tokens * this.width; i++) mixed[row + i] = answers[i] * weigh(gates[row + i]);
  }

  dispose(): void {
    this.#tensors.dispose();
  }

  /** What the recurrence takes besides the convolution: lengths of queries and keys, decays and shares. */
  #prepare(inputs: Float32Array, first: number, tokens: number): void {
    const { keyHeads, valueHeads, headDim } = this.#mixer;
    const { decays, shares } = this.#heads;
    for (let token = 0; token < tokens; token++) {
      normalizeHeads(this.#rows.convolved, token * this.#channels, 2 * keyHeads, headDim, keyHeads);
      const at = (first + token) * this.inputWidth + this.#channels;
      for (let head = 0; head < valueHeads; head++) {
        const step = softplus(inputs[at + head] + this.#stepBias[head]);
        decays[token * valueHeads + head] = Math.exp(this.#rates[head] * step);
        shares[token * valueHeads + head] = sigmoid(inputs[at + valueHeads + head]);
      }
    }
  }

  #recurrenceCall(stateAt: number): RecurrenceCall {
    const { keyHeads, valueHeads, headDim, keyHeadOrder } = this.#mixer;
    const { convolved } = this.#rows;
    return {
      ...{ from: convolved, to: convolved, stateAt, tokens: 0, heads: valueHeads, keyHeads },
      ...{ keyDim: headDim, valueDim: headDim, tiled: keyHeadOrder === 'tiled', delta: true },
      ...{ inputs: convolved, stride: this.#channels, first: 0, queriesAt: 0, keysAt: keyHeads * headDim },
      ...{ valuesAt: 2 * keyHeads * headDim, decays: this.#heads.decays, weights: this.#heads.shares, out: null },
    };
  }
}

/** Brings `heads` vectors of headDim from `at` on to length 1; the first `queries` of them to 1 / sqrt(headDim). */
function normalizeHeads(rows: Float32Array, at: number, heads: number, headDim: number, queries: number): void {
  for (let head = 0; head < heads; head++) {
    const first = at + head * headDim;
    let squares = 0;
    for (let i = first; i < first + headDim; i++) squares += rows[i] * rows[i];
    const scale = 1 / Math.sqrt((squares + NORM_EPSILON) * (head < queries ? headDim : 1));
    for (let i = first; i < first + headDim; i++) rows[i] *= scale;
  }
}
