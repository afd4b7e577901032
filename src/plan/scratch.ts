import { LOGIT_ROWS, prefillChunk } from '../model/prefill-chunk.js';
import type { ModelSpec } from '../model/spec.js';

/** Neurons whose activations the bridge holds at once when a prompt chunk is computed. */
const RUN_NEURONS = 1024;
const PANEL_ROWS = 16;

/** Working buffers of the engine and the bridge in bytes, for one prompt chunk; `given` where a selector keeps products per neuron. */
export function scratchBytes(spec: ModelSpec, threads: number, given: boolean): number {
  const tokens = prefillChunk(spec);
  const heads = spec.numAttentionHeads * spec.headDim;
  const keyValues = spec.numKeyValueHeads * spec.headDim;
  const perToken = 3 * spec.hiddenSize + 2 * heads + 2 * keyValues + (given ? spec.intermediateSize : 0);
  const feedForward = tokens * Math.min(RUN_NEURONS, spec.intermediateSize);
  const panels = threads * PANEL_ROWS * Math.max(spec.hiddenSize, spec.intermediateSize);
  return 4 * (tokens * perToken + feedForward + panels + LOGIT_ROWS * spec.vocabSize);
}
