import { rowBytes } from '../../native-bridge/formats.js';
import { systemPageBytes } from '../../native-bridge/index.js';
import { roundUp } from '../../native-bridge/memory.js';
import { tensorNamed } from '../dense/check-tensors.js';
import { MIXER_MATRICES } from '../dense/matrix-order.js';
import type { TensorShape } from '../dense/tensor-on-disk.js';
import { compressedTensors } from '../model/compressed-tensors.js';
import {
  indexTensors,
  latentTensors,
  mixerChannels,
  ngramTensors,
  numberedParts,
  recurrentOf,
  recurrentTensors,
  recurrentWidth,
  streamsWidth,
} from '../model/mixer-tensors.js';
import type { CompressedAttentionSpec, ModelSpec, RecurrentSpec } from '../model/spec.js';
import { layerTensor } from '../model/tensor-names.js';
import { compressedScratchBytes } from './compressed-size.js';
import { layerSizes } from './state-size.js';

/** Bytes of the weights of all mixers but ordinary attention, without their norms and the matrices that may stream. */
export function mixerResidentBytes(spec: ModelSpec, tensors: ReadonlyMap<string, TensorShape>): number {
  let bytes = 0;
  for (let layer = 0; layer < numberedParts(spec); layer++) {
    for (const [name] of [...tensorsOf(spec, layer), ...otherMatrices(spec, layer)]) {
      if (MIXER_MATRICES.includes(name)) continue;
      const { shape, format } = tensorNamed(tensors, layerTensor(layer, name));
      bytes += shape.length === 1 ? 4 * shape[0] : roundUp(shape[0] * rowBytes(format, shape[1]), systemPageBytes());
    }
  }
  return bytes;
}

/** The matrices of n-grams and of the index of blocks. Their vectors are counted with the dense half's. */
const otherMatrices = (spec: ModelSpec, layer: number) =>
  [...ngramTensors(spec, layer), ...indexTensors(spec, layer)].filter(([, shape]) => shape.length > 1);

/** The tensors of a layer's mixer, its output projection left out; none for ordinary attention, which is dense's. */
function tensorsOf(spec: ModelSpec, layer: number) {
  if (spec.compressedAttention) return ofCompressed(spec, spec.compressedAttention, layer);
  const mixer = recurrentOf(spec, layer);
  if (mixer) return recurrentTensors(mixer, spec.hiddenSize);
  return spec.latentAttention ? latentTensors(spec.latentAttention, spec.numAttentionHeads, spec.hiddenSize) : [];
}

/** The matrices of compressed attention, and the vectors that the dense half does not count. */
const ofCompressed = (spec: ModelSpec, attention: CompressedAttentionSpec, layer: number) =>
  compressedTensors(spec, attention, layer).filter(
    ([name, shape]) => shape.length > 1 || name === 'latentNorm' || name === 'latentQueryNorm',
  );

/** Bytes of the working rows of all mixers for calls of `tokens`. */
export function mixerScratchBytes(spec: ModelSpec, tokens: number): number {
  if (spec.compressedAttention) return compressedScratchBytes(spec, spec.compressedAttention, tokens);
  const { recurrent, latentAttention, hiddenSize, numAttentionHeads: heads } = spec;
  if (latentAttention) {
    const { latentDim, keyDim, rotaryDim, queryRank } = latentAttention;
    const perHead = 2 * (keyDim + rotaryDim) + 2 * latentDim;
    const tables = 8 * rotaryDim + 4;
    return tokens * (4 * (hiddenSize + (queryRank ?? 0) + latentDim + heads * perHead) + tables);
  }
  if (!recurrent) return 0;
  const { mixer } = recurrent;
  const { inputWidth } = layerSizes(mixer, hiddenSize);
  const channels = mixerChannels(mixer, hiddenSize);
  const perToken = hiddenSize + inputWidth + channels + rowFloats(mixer, channels, hiddenSize);
  const ofIndex = spec.blockIndex ? (spec.blockIndex.heads + 1) * spec.blockIndex.headDim : 0;
  return 4 * tokens * (perToken + ngramFloats(spec) + ofIndex);
}

/** Floats of one token in the working rows of n-grams: what they bring, inputs, and rows of the table. */
const ngramFloats = (spec: ModelSpec): number =>
  spec.ngrams ? 2 * streamsWidth(spec) + 1 + 2 * spec.hiddenSize + spec.ngrams.firstRows.length : 0;

/** Floats of one token in a mixer's other working rows: projections, gates, answers, and a few for each head. */
function rowFloats(mixer: RecurrentSpec, channels: number, hiddenSize: number): number {
  const width = recurrentWidth(mixer, hiddenSize);
  if (mixer.kind === 'short-convolution') return 3 * channels;
  if (mixer.kind === 'mamba-2') return width + channels + mixer.heads + width + 2 * mixer.heads + width + hiddenSize;
  return channels + 2 * width + 3 * mixer.valueHeads;
}
