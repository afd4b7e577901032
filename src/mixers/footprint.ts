import { rowBytes } from '../../native-bridge/formats.js';
import { systemPageBytes } from '../../native-bridge/index.js';
import { roundUp } from '../../native-bridge/memory.js';
import { tensorNamed } from '../dense/check-tensors.js';
import type { TensorShape } from '../dense/tensor-on-disk.js';
import { mixerChannels, recurrentOf, recurrentTensors, recurrentWidth } from '../model/mixer-tensors.js';
import type { ModelSpec, RecurrentSpec } from '../model/spec.js';
import { layerTensor } from '../model/tensor-names.js';
import { layerSizes } from './state-size.js';

/** Bytes of the weights of all mixers with a state of fixed size, their norms left out. */
export function mixerResidentBytes(spec: ModelSpec, tensors: ReadonlyMap<string, TensorShape>): number {
  let bytes = 0;
  for (let layer = 0; layer < spec.numLayers; layer++) {
    const mixer = recurrentOf(spec, layer);
    for (const [name] of mixer ? recurrentTensors(mixer, spec.hiddenSize) : []) {
      const { shape, format } = tensorNamed(tensors, layerTensor(layer, name));
      bytes += shape.length === 1 ? 4 * shape[0] : roundUp(shape[0] * rowBytes(format, shape[1]), systemPageBytes());
    }
  }
  return bytes;
}

/** Bytes of the working rows of all mixers for calls of `tokens`. */
export function mixerScratchBytes({ recurrent, hiddenSize }: ModelSpec, tokens: number): number {
  if (!recurrent) return 0;
  const { mixer } = recurrent;
  const { inputWidth } = layerSizes(mixer, hiddenSize);
  const channels = mixerChannels(mixer, hiddenSize);
  return 4 * tokens * (hiddenSize + inputWidth + channels + rowFloats(mixer, channels, hiddenSize));
}

/** Floats of one token in a mixer's other working rows: projections, gates, answers, and a few for each head. */
function rowFloats(mixer: RecurrentSpec, channels: number, hiddenSize: number): number {
  const width = recurrentWidth(mixer, hiddenSize);
  if (mixer.kind === 'short-convolution') return 3 * channels;
  if (mixer.kind === 'mamba-2') return width + channels + mixer.heads + width + 2 * mixer.heads;
  return channels + 2 * width + 3 * mixer.valueHeads;
}
