import { rowBytes } from '../../native-bridge/formats.js';
import { systemPageBytes } from '../../native-bridge/index.js';
import { roundUp } from '../../native-bridge/memory.js';
import { tensorNamed } from '../dense/check-tensors.js';
import type { TensorShape } from '../dense/tensor-on-disk.js';
import { mixerChannels, recurrentOf, recurrentTensors, recurrentWidth } from '../model/mixer-tensors.js';
import type { ModelSpec } from '../model/spec.js';
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
  const projected = mixer.kind === 'short-convolution' ? 3 * channels : channels;
  const heads = mixer.kind === 'short-convolution' ? 0 : 2 * recurrentWidth(mixer, hiddenSize) + 3 * mixer.valueHeads;
  return 4 * tokens * (hiddenSize + inputWidth + projected + channels + heads);
}
