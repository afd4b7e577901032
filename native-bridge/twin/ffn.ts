import { dequantize } from '../blocks.js';
import type { FeedForwardCall } from '../bridge.js';
import { inputBundles } from '../bundles.js';
import { ACTIVATIONS, activatedUp } from './activation.js';
import { dot } from './dot.js';
import { bundlesInUnit, isOutputs, outputsOf, type PreparedLayer, partOffset } from './layer.js';

/**
 * The feed-forward network over one unit, as written on paper. Dots are double sums rounded to float32 once. y is added
 * to bundle by bundle (by-output) or neuron by neuron (by-neuron), so that a cut into several calls changes nothing.
 */
export class FeedForward {
  #row = new Float32Array(0);
  #hidden = new Float32Array(0);
  /** h of a layer whose down lies apart, [tokens, numNeurons]. */
  #whole = new Float32Array(0);

  /** y += FFN of x over the bundles of the call's unit `index`, which lies in `slot`, weighed token by token. */
  addUnit(prepared: PreparedLayer, call: FeedForwardCall, index: number, slot: Uint8Array): void {
    if (prepared.layer.downOrientation === 'apart') {
      this.#addApart(prepared, call, call.units[index], slot);
      return;
    }
    const { hiddenSize, neuronsPerBundle, downOrientation } = prepared.layer;
    const { tokens, y } = call;
    if (this.#row.length < Math.max(hiddenSize, neuronsPerBundle))
      this.#row = new Float32Array(Math.max(hiddenSize, neuronsPerBundle));
    if (this.#hidden.length < tokens * neuronsPerBundle) this.#hidden = new Float32Array(tokens * neuronsPerBundle);
    const unit = call.units[index];
    const weightOf = (token: number) => call.weights?.[token * call.count + index] ?? 1;
    const bundles = bundlesInUnit(prepared, unit);
    for (let b = 0; b < bundles; b++) {
      this.#activate(prepared, call, unit, b, slot);
      this.#weigh(neuronsPerBundle, tokens, weightOf);
      if (downOrientation === 'by-neuron') this.#addColumns(prepared, unit, b, slot, tokens, y);
      else this.#addOutputs(prepared, unit, b, slot, tokens, weightOf, y);
    }
  }

  /** Keeps h of a unit of gate and up, or adds the rows of a unit of down to y. */
  #addApart(prepared: PreparedLayer, call: FeedForwardCall, unit: number, slot: Uint8Array): void {
    const { hiddenSize, numNeurons, neuronsPerBundle, formats } = prepared.layer;
    const { tokens, y } = call;
    const widest = Math.max(hiddenSize, numNeurons);
    if (this.#row.length < widest) this.#row = new Float32Array(widest);
    if (this.#hidden.length < tokens * neuronsPerBundle) this.#hidden = new Float32Array(tokens * neuronsPerBundle);
    if (this.#whole.length < tokens * numNeurons) this.#whole = new Float32Array(tokens * numNeurons);
    if (!isOutputs(prepared, unit)) {
      this.#activate(prepared, call, unit, 0, slot);
      for (let t = 0; t < tokens; t++)
        this.#whole.set(
          this.#hidden.subarray(t * neuronsPerBundle, (t + 1) * neuronsPerBundle),
          t * numNeurons + unit * neuronsPerBundle,
        );
      return;
    }
    const { first, count } = outputsOf(prepared, unit);
    const down = partOffset(prepared, unit, 'down', 0);
    for (let r = 0; r < count; r++) {
      dequantize(formats.down, slot, down + r * prepared.rowBytes.down, numNeurons, this.#row, 0);
      for (let t = 0; t < tokens; t++) {
        for (let b = 0; b < inputBundles(prepared.layer); b++) {
          const from = b * neuronsPerBundle;
          y[t * hiddenSize + first + r] += dot(this.#whole, t * numNeurons + from, this.#row, from, neuronsPerBundle);
        }
      }
    }
  }

  /** hidden[tokens, neuronsPerBundle] = act(gate x) * (up x), or act(up x), for the neurons from `firstNeuron` on. */
  // biome-ignore lint/complexity/noExcessiveCognitiveComplexity: the twin is the kernels' text, loop for loop.
  #activate(
    prepared: PreparedLayer,
    { x, tokens, residentProducts }: FeedForwardCall,
    unit: number,
    b: number,
    slot: Uint8Array,
  ): void {
    const { hiddenSize, neuronsPerBundle, numNeurons, formats, activation, biases, residentPart } = prepared.layer;
    const limit = prepared.layer.activationLimit ?? 0;
    const firstNeuron = (unit * prepared.layer.bundlesPerUnit + b) * neuronsPerBundle;
    const factorOf = (part: 'gate' | 'up' | 'down') => partFactor(prepared, part, firstNeuron);
    const act = ACTIVATIONS[activation];
    const hidden = this.#hidden;
    for (let r = 0; r < neuronsPerBundle; r++) {
      for (const part of formats.gate === null ? UNGATED : GATED) {
        const isResident = residentPart === part;
        if (!isResident) {
          const at = partOffset(prepared, unit, part, b) + r * prepared.rowBytes[part];
          dequantize(formats[part]!, slot, at, hiddenSize, this.#row, 0);
        }
        const bias = biases?.[part]?.[firstNeuron + r] ?? 0;
        const factor = factorOf(part);
        for (let t = 0; t < tokens; t++) {
          const product = isResident
            ? residentProducts![t * numNeurons + firstNeuron + r]
            : Math.fround(Math.fround(Math.fround(dot(x, t * hiddenSize, this.#row, 0, hiddenSize)) * factor) + bias);
          const at = t * neuronsPerBundle + r;
          if (part === 'gate' || formats.gate === null) hidden[at] = act(product, limit);
          // A shut gate leaves nothing of up, not even NaN.
          else if (hidden[at] !== 0) hidden[at] *= activatedUp(activation, product, limit);
        }
      }
      // Products of down are linear in h, so that h takes their factor.
      const down = factorOf('down');
      if (down !== 1) for (let t = 0; t < tokens; t++) hidden[t * neuronsPerBundle + r] *= down;
    }
  }

  /** A weight of zero leaves nothing of h, not even NaN. */
  #weigh(neurons: number, tokens: number, weightOf: (token: number) => number): void {
    for (let t = 0; t < tokens; t++) {
      const weight = weightOf(t);
      if (weight === 0) this.#hidden.fill(0, t * neurons, (t + 1) * neurons);
      else if (weight !== 1) for (let i = t * neurons; i < (t + 1) * neurons; i++) this.#hidden[i] *= weight;
    }
  }

  #addColumns(
    prepared: PreparedLayer,
    unit: number,
    b: number,
    slot: Uint8Array,
    tokens: number,
    y: Float32Array,
  ): void {
    const { hiddenSize, neuronsPerBundle, formats } = prepared.layer;
    const down = partOffset(prepared, unit, 'down', b);
    const row = this.#row;
    for (let r = 0; r < neuronsPerBundle; r++) {
      dequantize(formats.down, slot, down + r * prepared.rowBytes.down, hiddenSize, row, 0);
      for (let t = 0; t < tokens; t++) {
        const h = this.#hidden[t * neuronsPerBundle + r];
        if (h === 0) continue;
        for (let o = 0; o < hiddenSize; o++) y[t * hiddenSize + o] += h * row[o];
      }
    }
  }

  #addOutputs(
    prepared: PreparedLayer,
    unit: number,
    b: number,
    slot: Uint8Array,
    tokens: number,
    weightOf: (token: number) => number,
    y: Float32Array,
  ): void {
    const { hiddenSize, neuronsPerBundle, formats } = prepared.layer;
    const down = partOffset(prepared, unit, 'down', b);
    for (let o = 0; o < hiddenSize; o++) {
      dequantize(formats.down, slot, down + o * prepared.rowBytes.down, neuronsPerBundle, this.#row, 0);
      for (let t = 0; t < tokens; t++)
        if (weightOf(t) !== 0)
          y[t * hiddenSize + o] += dot(this.#hidden, t * neuronsPerBundle, this.#row, 0, neuronsPerBundle);
    }
  }
}

const GATED = ['gate', 'up'] as const;
const UNGATED = ['up'] as const;

/** What a part's products with the neurons of a bundle, whose first is given, are multiplied by. */
function partFactor({ layer }: PreparedLayer, part: 'gate' | 'up' | 'down', firstNeuron: number): number {
  const factors = layer.factors?.[part];
  if (!factors) return 1;
  return Math.fround(factors[Math.floor((firstNeuron * factors.length) / layer.numNeurons)]);
}
