import { bridgeScratchBytes, keyValueBytes, PAGE_POSITIONS } from '../../native-bridge/memory.js';
import { READ_THREADS } from '../disk/read-threads.js';
import { indexFloats } from '../mixers/block-index.js';
import { compressedStateBytes, mostRows, seenBytes } from '../mixers/compressed-size.js';
import { mixerScratchBytes } from '../mixers/footprint.js';
import { recurrentStateBytes } from '../mixers/state-size.js';
import { keyValueGroups } from '../model/attention-layers.js';
import { slides } from '../model/layer-heads.js';
import { attentionLayers, recurrentWidth } from '../model/mixer-tensors.js';
import { logitRows, prefillChunk } from '../model/prefill-chunk.js';
import { windowPages } from '../model/sliding-window.js';
import type { ExpertsSpec, ModelSpec } from '../model/spec.js';
import { keptAs, type StateFormat } from './state-format.js';

/*
 * Memory that a model takes besides its weights and its slots. State and scratch are part of the budget, the overhead
 * is not.
 */

/** The engine's worker: its isolate and its code, with room for its heap to grow at work. */
const WORKER_BYTES = 43e6;
/** The thread beside it that knows text: its isolate and its code. */
const TEXT_THREAD_BYTES = 11e6;
/**
 * Tokenizer tables, per vocabulary entry, with what reading them leaves behind. Measured: 540 for Gemma 3's 262,144
 * entries, 250 for Qwen 2.5's 151,936. The plan takes the most.
 */
const BYTES_PER_TOKEN = 540;
/** A read thread has a stack, and a buffer in which it widens small reads. */
const READ_THREAD_BYTES = 1.2e6;

/**
 * Bytes of keys and values once the context is full, those of layers with a sliding window bounded, and of states that
 * do not grow, with their copies.
 */
export function stateBytes(spec: ModelSpec, contextSize: number, format: StateFormat): number {
  const sharedValueDim = spec.latentAttention?.latentDim;
  const windowed = windowPages(spec, contextSize) * PAGE_POSITIONS;
  return keyValueGroups(spec).reduce(
    (sum, { layers, ...heads }) => {
      const shape = { ...heads, sharedValueDim, format: keptAs(format) };
      const sliding = layers.filter((layer) => slides(spec, layer)).length;
      return (
        sum +
        keyValueBytes({ ...shape, numLayers: layers.length - sliding, contextSize }) +
        keyValueBytes({ ...shape, numLayers: sliding, contextSize: windowed })
      );
    },
    recurrentStateBytes(spec) + indexBytes(spec, contextSize) + compressedStateBytes(spec, contextSize, keptAs(format)),
  );
}

/** Bytes that the index of blocks keeps in all layers with attention. */
const indexBytes = (spec: ModelSpec, contextSize: number): number =>
  spec.blockIndex ? 4 * attentionLayers(spec) * indexFloats(spec.blockIndex, contextSize) : 0;

/** Bytes of its scores, and of the marks of what tokens see. */
const indexScratch = ({ blockIndex }: ModelSpec, contextSize: number): number =>
  blockIndex ? (2 * 4 + 16) * Math.ceil(contextSize / blockIndex.blockSize) : 0;

/**
 * Bytes of the working buffers of the engine and the bridge, for one prompt chunk and `sequences` calls at once. A
 * selector takes `perNeuron` per neuron and token. `keepsHidden`: some layer has its down matrix apart.
 */
export function scratchBytes(
  spec: ModelSpec,
  contextSize: number,
  threads: number,
  { perNeuron, keepsHidden, sequences }: { perNeuron: number; keepsHidden: boolean; sequences: number },
): number {
  const tokens = prefillChunk(spec);
  const groups = keyValueGroups(spec);
  const heads = spec.numAttentionHeads * Math.max(0, ...groups.map(({ headDim }) => headDim));
  const keyValues = Math.max(0, ...groups.map(({ numKeyValueHeads, headDim }) => numKeyValueHeads * headDim));
  const mixer = spec.recurrent ? recurrentWidth(spec.recurrent.mixer, spec.hiddenSize) : 0;
  // What the mixers write; queries, and gates twice: beside the queries and by themselves.
  const perToken = 3 * spec.hiddenSize + Math.max(heads, mixer) + (spec.attentionGate ? 3 : 1) * heads + 2 * keyValues;
  // Logits and weights of every expert.
  const routing = spec.experts ? tokens * 3 * spec.experts.numExperts : 0;
  const shape = {
    threads,
    hiddenSize: spec.hiddenSize,
    numNeurons: spec.intermediateSize,
    expertNeurons: spec.experts && largestNetwork(spec, spec.experts),
    keepsHidden,
    // Attention goes over rows of keys, which are more than positions where some are compressed.
    contextSize: spec.compressedAttention ? mostRows(spec.compressedAttention, contextSize) : contextSize,
  };
  // Each kind of layers attends with buffers of its own. No call brings them tokens of a network.
  const others = groups
    .slice(1)
    .map((group) => bridgeScratchBytes({ ...shape, ...pickHeads({ ...spec, ...group }), tokens: 0 }));
  return (
    bridgeScratchBytes({ ...shape, ...pickHeads({ ...spec, ...groups[0] }), tokens }) +
    others.reduce((sum, bytes) => sum + bytes, 0) +
    mixerScratchBytes(spec, tokens) +
    indexScratch(spec, contextSize) +
    (spec.compressedAttention ? seenBytes(spec.compressedAttention, contextSize) : 0) +
    tokens * perNeuron * spec.intermediateSize +
    4 * (tokens * perToken + routing + logitRows(sequences) * spec.vocabSize)
  );
}

const pickHeads = ({ numAttentionHeads, numKeyValueHeads, headDim }: ModelSpec) => ({
  numAttentionHeads,
  numKeyValueHeads,
  headDim,
});

/** Neurons of the largest network that is computed as one: an expert, or that of a layer without experts. */
const largestNetwork = ({ intermediateSize }: ModelSpec, experts: ExpertsSpec): number =>
  experts.leadingDenseLayers > 0 ? Math.max(intermediateSize, experts.intermediateSize) : experts.intermediateSize;

/** Bytes beside the budget, measured on small models, where little else grows the process. */
export const overheadBytes = (spec: ModelSpec): number =>
  Math.ceil(WORKER_BYTES + TEXT_THREAD_BYTES + spec.vocabSize * BYTES_PER_TOKEN + READ_THREADS * READ_THREAD_BYTES);
