import { mixerChannels, recurrentMixers, streamsWidth } from '../model/mixer-tensors.js';
import { LOGIT_ROWS } from '../model/prefill-chunk.js';
import type { ModelSpec, NgramsSpec, RecurrentSpec } from '../model/spec.js';

/**
 * Tokens whose inputs are kept beside a state, so that it stands for as many lengths. A prompt is told again from its
 * last token, or, where its end is a template's opening for the answer, from a few tokens before.
 */
export const STEPS_KEPT = 8;

/** Tokens of a pass that may be taken back: a state that is not of keys and values alone goes back by fewer. */
export const mostTakenBack = ({ recurrent, compressedAttention }: ModelSpec): number =>
  recurrent || compressedAttention ? Math.min(LOGIT_ROWS, STEPS_KEPT) : LOGIT_ROWS;

/** Earlier states that are kept: at the ends of the last prompt and turn, and one more for a prompt told otherwise. */
export const SNAPSHOTS = 3;

export interface LayerSizes {
  /** Floats of the state. */
  stateFloats: number;
  /** Floats of one token that the state depends on. */
  inputWidth: number;
}

/** The sizes of one layer's state. */
export function layerSizes(mixer: RecurrentSpec, hiddenSize: number): LayerSizes {
  const channels = mixerChannels(mixer, hiddenSize);
  const columns = (mixer.kernel - 1) * channels;
  if (mixer.kind === 'short-convolution') return { stateFloats: columns, inputWidth: channels };
  if (mixer.kind === 'mamba-2') {
    const { heads, headDim, stateSize } = mixer;
    return { stateFloats: columns + heads * headDim * stateSize, inputWidth: channels + heads };
  }
  const { valueHeads, headDim } = mixer;
  return { stateFloats: columns + valueHeads * headDim * headDim, inputWidth: channels + 2 * valueHeads };
}

/** The same for what n-grams bring. */
export function ngramSizes(
  { kernel, size }: NgramsSpec,
  spec: Pick<ModelSpec, 'residualStreams' | 'hiddenSize'>,
): LayerSizes {
  const width = streamsWidth(spec);
  return { stateFloats: (kernel - 1) * size * width + size - 1, inputWidth: width + 1 };
}

/** Bytes of the state of all layers with such a mixer, with all copies of it. It does not grow with the context. */
export function recurrentStateBytes(spec: ModelSpec): number {
  const { recurrent, hiddenSize, ngrams } = spec;
  if (!recurrent) return 0;
  // The state, the one before the last pass, and the snapshots.
  const floats = ({ stateFloats, inputWidth }: LayerSizes) => (2 + SNAPSHOTS) * (stateFloats + STEPS_KEPT * inputWidth);
  const ofNgrams = ngrams ? floats(ngramSizes(ngrams, spec)) : 0;
  return 4 * (recurrentMixers(spec) * floats(layerSizes(recurrent.mixer, hiddenSize)) + ofNgrams);
}
