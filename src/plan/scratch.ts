import { LOGIT_ROWS, prefillChunk } from '../model/prefill-chunk.js';
import type { ModelSpec } from '../model/spec.js';

/** Activations, [tokens, neurons], that the bridge holds at once: for the gate, and after it. */
const MOST_ACTIVATIONS = 512 * 1024;
/** Queries of a head that one thread attends with at once. */
const TILE_QUERIES = 32;

/** Working buffers of the engine and the bridge in bytes, for one prompt chunk; `perNeuron` bytes of them are a selector's, per neuron and token. */
export function scratchBytes(spec: ModelSpec, contextSize: number, threads: number, perNeuron: number): number {
  const tokens = prefillChunk(spec);
  const heads = spec.numAttentionHeads * spec.headDim;
  const keyValues = spec.numKeyValueHeads * spec.headDim;
  const perToken = 3 * spec.hiddenSize + 2 * heads + 2 * keyValues;
  const feedForward = 2 * Math.min(tokens * spec.intermediateSize, MOST_ACTIVATIONS);
  const queries = Math.max(TILE_QUERIES, spec.numAttentionHeads / spec.numKeyValueHeads);
  const attention = threads * queries * (contextSize + 1 + 2 * spec.headDim);
  // Logits and weights of every expert; rows of x and y that the bridge gathers for one expert at a time.
  const routing = spec.experts ? tokens * (3 * spec.experts.numExperts + 2 * spec.hiddenSize) : 0;
  // Inputs as 16-bit integers with a scale for each 32, of the network and of one resident matrix at a time.
  const widest = spec.experts?.intermediateSize ?? spec.intermediateSize;
  const integers = Math.ceil(2.25 * (tokens * (2 * spec.hiddenSize) + Math.min(tokens * widest, MOST_ACTIVATIONS)));
  return (
    integers +
    tokens * perNeuron * spec.intermediateSize +
    4 * (tokens * perToken + routing + feedForward + attention + LOGIT_ROWS * spec.vocabSize)
  );
}
