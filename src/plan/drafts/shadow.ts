import type { BundleGeometry } from '../../../native-bridge/bridge.js';
import { FORMATS, rowBytes } from '../../../native-bridge/formats.js';
import { DEVICE_BLOCK, pagesOf, roundUp } from '../../../native-bridge/memory.js';
import { GOOD_RING_SLOTS } from '../../cache/ring-slots.js';
import { windowPages } from '../../model/sliding-window.js';
import type { ModelSpec } from '../../model/spec.js';
import type { Allocation } from '../allocation.js';

/** The format of a shadow's weights: 2.6 bits each. */
export const SHADOW_FORMAT = 'q2_K';
const BLOCK = FORMATS[SHADOW_FORMAT].blockSize;
/** With fewer neurons than this share a draft is hardly ever right. */
const LEAST_SHARE = 0.4;
/**
 * Bytes that a shadow has to save for each that it takes: it is read by the pass instead of being kept, and a pass
 * brings some three tokens.
 */
const LEAST_GAIN = 1 / 2;

/**
 * The networks of a dense model in few bits, those neurons first that matter most (self/make-shadow.ts). The draft
 * `self` computes with them in place of the exact ones.
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
  columns: roundUp(hiddenSize, BLOCK),
  neurons: roundUp(intermediateSize, BLOCK),
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

/** Memory of a shadow with the first `neurons` of each layer, with its working buffers, bytes. */
export function shadowBytes({ numLayers, hiddenSize, columns, gated }: ShadowShape, neurons: number): number {
  const inputs = roundUp(neurons * rowBytes(SHADOW_FORMAT, columns), DEVICE_BLOCK);
  const outputs = roundUp(hiddenSize * rowBytes(SHADOW_FORMAT, neurons), DEVICE_BLOCK);
  return numLayers * ((gated ? 2 : 1) * inputs + outputs) + 4 * (columns + 2 * neurons);
}

/** A shadow in a budget. `neurons` is 0 where it would win nothing, and `why` says so in words. */
export interface PlannedShadow {
  neurons: number;
  bytes: number;
  why: string | null;
}

export const NO_SHADOW: PlannedShadow = { neurons: 0, bytes: 0, why: null };

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
  const room = budgetBytes - fixed - GOOD_RING_SLOTS * slot;
  let neurons = shape.neurons;
  while (neurons > 0 && shadowBytes(shape, neurons) > room) neurons -= BLOCK;
  if (neurons < LEAST_SHARE * shape.neurons) return none('too few of its weights fit into the budget even in 2 bits');
  const bytes = shadowBytes(shape, neurons);
  if (missing < LEAST_GAIN * bytes) return none('nearly all of the model is in memory');
  return { neurons, bytes, why: null };
}

const none = (why: string): PlannedShadow => ({ neurons: 0, bytes: 0, why });
