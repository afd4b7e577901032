import type { BundleGeometry } from '../../../native-bridge/bridge.js';
import { DEVICE_BLOCK, pagesOf, roundUp } from '../../../native-bridge/memory.js';
import { BLOCK_NEURONS, blockLayout } from '../../../native-bridge/two-bit-tiles.js';
import { GOOD_RING_SLOTS, WIDE_RING_SLOTS } from '../../cache/ring-slots.js';
import { windowPages } from '../../model/sliding-window.js';
import type { ModelSpec } from '../../model/spec.js';
import type { Allocation } from '../allocation.js';

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
  /** Neurons of a layer, filled up to whole blocks, which a shadow has or has not. */
  neurons: number;
  gated: boolean;
}

export const shadowShape = ({ numLayers, hiddenSize, intermediateSize, gated }: ModelSpec): ShadowShape => ({
  ...{ numLayers, hiddenSize, gated },
  neurons: roundUp(intermediateSize, BLOCK_NEURONS),
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
  if (spec.activation === 'clamped-silu') return 'the activation of its networks has a limit';
  if (layers.some(({ downOrientation, factors }) => downOrientation !== 'apart' || factors))
    return 'its networks are not read in place from a GGUF file';
  // Another call may take up what a conversation holds while tokens are foretold in it.
  return sequences > 1 ? '`sequences` is more than 1' : null;
}

export const blocksPerLayer = ({ neurons }: Pick<ShadowShape, 'neurons'>): number => neurons / BLOCK_NEURONS;

/** The blocks of neurons that the layers of a shadow have together. */
export const allBlocks = (shape: Pick<ShadowShape, 'numLayers' | 'neurons'>): number =>
  shape.numLayers * blocksPerLayer(shape);

/** Memory of a shadow with so many blocks of neurons, with its working buffers, bytes at most. */
export function shadowBytes({ numLayers, hiddenSize, neurons, gated }: ShadowShape, blocks: number): number {
  // Inputs and outputs, and the same once more as integers with what they share.
  const buffers = 8 * (hiddenSize + neurons + BLOCK_NEURONS);
  return blocks * blockLayout(hiddenSize, gated).bytes + numLayers * DEVICE_BLOCK + buffers;
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
  if (blocksIn(room) < least)
    return none('beside the rest of the model the budget has no room for enough of its networks in 2 bits');
  const blocks = Math.min(allBlocks(shape), blocksIn(Math.min(room, MOST_RENT * missing)));
  if (blocks < least) return none('more of the model is in memory than its weights in 2 bits would save');
  return { blocks, bytes: shadowBytes(shape, blocks), why: null };
}

const none = (why: string): PlannedShadow => ({ blocks: 0, bytes: 0, why });
