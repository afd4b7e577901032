import type { BundleGeometry } from '../../../native-bridge/bridge.js';
import { FORMATS, rowBytes } from '../../../native-bridge/formats.js';
import { DEVICE_BLOCK, pagesOf, roundUp } from '../../../native-bridge/memory.js';
import { GOOD_RING_SLOTS, WIDE_RING_SLOTS } from '../../cache/ring-slots.js';
import { windowPages } from '../../model/sliding-window.js';
import type { ModelSpec } from '../../model/spec.js';
import type { Allocation } from '../allocation.js';

/** The format of a shadow's weights: 2.6 bits each. */
export const SHADOW_FORMAT = 'q2_K';
/** Neurons that a shadow has together, or none of them. */
export const SHADOW_BLOCK = FORMATS[SHADOW_FORMAT].blockSize;
/** With fewer neurons than this share a draft is hardly ever right. */
const LEAST_SHARE = 0.3;
/**
 * It may take the place of so much beside what is missing. What it displaces is read by every pass, and where that is
 * much, the first tries of a draft cost more than an answer may lose (SELF-03).
 */
const MOST_RENT = 0.85;
/** It leaves room for a wide ring where that takes this share of the budget at most. */
const RING_SHARE = 0.04;
/**
 * The networks of a dense model in few bits, those neurons first that matter most (self/make-shadow.ts), of all layers
 * together: some layers have more of them than others. The draft `self` computes with them in place of the exact ones.
 */
export interface ShadowShape {
  numLayers: number;
  hiddenSize: number;
  /** Numbers of an input, filled up with zeros to whole blocks. */
  columns: number;
  /** Neurons of a layer, filled up likewise. */
  neurons: number;
  gated: boolean;
}

export const shadowShape = ({ numLayers, hiddenSize, intermediateSize, gated }: ModelSpec): ShadowShape => ({
  ...{ numLayers, hiddenSize, gated },
  columns: roundUp(hiddenSize, SHADOW_BLOCK),
  neurons: roundUp(intermediateSize, SHADOW_BLOCK),
});

/** Why a model has no shadow, in words; null where it has. */
export function whyNoShadow(
  spec: ModelSpec,
  layers: readonly BundleGeometry[],
  { sequences, contextSize }: { sequences: number; contextSize: number },
): string | null {
  if (spec.experts) return 'it is a mixture of experts: each token has networks of its own';
  if (spec.recurrent?.layers.includes(true)) return 'it has layers whose state cannot be taken back token by token';
  // Several passes may have let go of a page that the text sees.
  if (windowPages(spec, contextSize) < pagesOf(contextSize))
    return 'layers with a sliding window do not hold all of the context, and cannot be taken back over several passes';
  if (spec.layerIntermediateSizes) return 'its layers have networks of different sizes';
  if (spec.feedForwardBiases) return 'its networks have biases';
  if (layers.some(({ downOrientation, factors }) => downOrientation !== 'apart' || factors))
    return 'its networks are not read in place from a GGUF file';
  // Another call may take up what a conversation holds while tokens are foretold in it.
  return sequences > 1 ? '`sequences` is more than 1' : null;
}

/** The blocks of neurons that the layers of a shadow have together. */
export const allBlocks = ({ numLayers, neurons }: Pick<ShadowShape, 'numLayers' | 'neurons'>): number =>
  (numLayers * neurons) / SHADOW_BLOCK;

/** Memory of a shadow with so many blocks of neurons, with its working buffers, bytes at most. */
export function shadowBytes({ numLayers, hiddenSize, columns, neurons, gated }: ShadowShape, blocks: number): number {
  const inputs = (gated ? 2 : 1) * SHADOW_BLOCK * rowBytes(SHADOW_FORMAT, columns);
  const outputs = hiddenSize * rowBytes(SHADOW_FORMAT, SHADOW_BLOCK);
  return blocks * (inputs + outputs) + numLayers * 3 * DEVICE_BLOCK + 4 * (columns + 2 * neurons);
}

/** A shadow in a budget. `blocks` is 0 where it would win nothing, and `why` says so in words. */
export interface PlannedShadow {
  blocks: number;
  bytes: number;
  why: string | null;
}

export const NO_SHADOW: PlannedShadow = { blocks: 0, bytes: 0, why: null };

/**
 * As many neurons as fit beside the resident half, in the place of weights that would be kept. `whole` is the plan with
 * memory for all.
 */
export function planShadow(spec: ModelSpec, budgetBytes: number, whole: Allocation): PlannedShadow {
  const shape = shadowShape(spec);
  const fixed = whole.residentBytes + whole.stateBytes + whole.scratchBytes;
  const missing = fixed + whole.arenaBytes - budgetBytes;
  if (missing <= 0) return none('all of the model is in memory');
  const slot = roundUp(Math.max(...whole.layers.map(({ unit }) => unit.slotBytes)), DEVICE_BLOCK);
  const wide = WIDE_RING_SLOTS * slot <= RING_SHARE * budgetBytes;
  const room = budgetBytes - fixed - (wide ? WIDE_RING_SLOTS : GOOD_RING_SLOTS) * slot;
  const blockBytes = shadowBytes(shape, 1) - shadowBytes(shape, 0);
  const blocksIn = (bytes: number) => Math.floor((bytes - shadowBytes(shape, 0)) / blockBytes);
  const least = LEAST_SHARE * allBlocks(shape);
  if (blocksIn(room) < least) return none('too few of its weights fit into the budget even in 2 bits');
  const blocks = Math.min(allBlocks(shape), blocksIn(Math.min(room, MOST_RENT * missing)));
  if (blocks < least) return none('more of the model is in memory than its weights in 2 bits would save');
  return { blocks, bytes: shadowBytes(shape, blocks), why: null };
}

const none = (why: string): PlannedShadow => ({ blocks: 0, bytes: 0, why });
