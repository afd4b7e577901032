import { bridgeScratchBytes } from '../../native-bridge/memory.js';
import { LOGIT_ROWS, prefillChunk } from '../model/prefill-chunk.js';
import type { ModelSpec } from '../model/spec.js';

/** Working buffers of the engine and the bridge in bytes, for one prompt chunk; `perNeuron` bytes of them are a selector's, per neuron and token. */
export function scratchBytes(spec: ModelSpec, contextSize: number, threads: number, perNeuron: number): number {
  const tokens = prefillChunk(spec);
  const heads = spec.numAttentionHeads * spec.headDim;
  const keyValues = spec.numKeyValueHeads * spec.headDim;
  const perToken = 3 * spec.hiddenSize + 2 * heads + 2 * keyValues;
  // Logits and weights of every expert.
  const routing = spec.experts ? tokens * 3 * spec.experts.numExperts : 0;
  const bridge = bridgeScratchBytes({
    threads,
    tokens,
    hiddenSize: spec.hiddenSize,
    numNeurons: spec.intermediateSize,
    expertNeurons: spec.experts?.intermediateSize ?? null,
    contextSize,
    numAttentionHeads: spec.numAttentionHeads,
    numKeyValueHeads: spec.numKeyValueHeads,
    headDim: spec.headDim,
  });
  return (
    bridge +
    tokens * perNeuron * spec.intermediateSize +
    4 * (tokens * perToken + routing + LOGIT_ROWS * spec.vocabSize)
  );
}
