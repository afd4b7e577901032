import type { ConvolutionCall } from '../../native-bridge/bridge.js';
import type { ShortConvolutionSpec } from '../model/spec.js';
import { type MixerLoad, withMixerTensors } from './mixer-tensors.js';
import type { RecurrentLayer } from './recurrent-layer.js';

/**
 * The gated short convolution of LFM2 (transformers, modeling_lfm2.py, Lfm2ShortConv): [B | C | x] = in(norm(x)), y = C
 * * conv(B * x). The state is the last columns of B * x. Throws CORRUPT, NOT_FOUND, IO or BridgeError, and then holds
 * nothing.
 */
export function loadShortConvolution(load: MixerLoad, layer: number, { kernel }: ShortConvolutionSpec): RecurrentLayer {
  const { bridge, spec } = load;
  const { hiddenSize } = spec;
  return withMixerTensors(load, layer, (tensors) => {
    const norm = tensors.norm();
    const input = tensors.matrix('mixerInput');
    const weights = tensors.kernel(kernel);
    const normed = tensors.rows('normed', hiddenSize);
    const projected = tensors.rows('projected', 3 * hiddenSize);
    const convolved = tensors.rows('convolved', hiddenSize);
    const call: ConvolutionCall = {
      ...{ from: weights, to: weights, tokens: 0, channels: hiddenSize, kernel },
      ...{ inputs: weights, stride: hiddenSize, first: 0, weights, bias: null, silu: false, out: null },
    };
    return {
      stateFloats: (kernel - 1) * hiddenSize,
      inputWidth: hiddenSize,
      width: hiddenSize,
      residentBytes: tensors.bytes,
      project(x, tokens, inputs) {
        norm.apply(x, tokens, normed);
        input.matmul(normed, tokens, projected);
        for (let token = 0; token < tokens; token++) {
          const from = token * 3 * hiddenSize;
          const to = token * hiddenSize;
          for (let i = 0; i < hiddenSize; i++)
            inputs[to + i] = projected[from + i] * projected[from + 2 * hiddenSize + i];
        }
      },
      run(inputs, first, tokens, from, to, mixed) {
        Object.assign(call, { from, to, tokens, inputs, first, out: mixed && convolved });
        bridge.convolve(call);
        if (!mixed) return;
        for (let token = 0; token < tokens; token++) {
          const gate = (first + token) * 3 * hiddenSize + hiddenSize;
          const row = (first + token) * hiddenSize;
          for (let i = 0; i < hiddenSize; i++) mixed[row + i] = projected[gate + i] * convolved[token * hiddenSize + i];
        }
      },
      dispose: () => tensors.dispose(),
    };
  });
}
