import type { RecurrentSpec } from '../model/spec.js';
import { loadDeltaNet } from './delta-net.js';
import type { MixerLoad } from './mixer-tensors.js';
import type { RecurrentLayer } from './recurrent-layer.js';
import { loadShortConvolution } from './short-convolution.js';

/** Loads one layer's mixer. Throws CORRUPT, NOT_FOUND, IO or BridgeError, and then holds nothing. */
export function loadRecurrent(load: MixerLoad, layer: number, mixer: RecurrentSpec): RecurrentLayer {
  return mixer.kind === 'short-convolution'
    ? loadShortConvolution(load, layer, mixer)
    : loadDeltaNet(load, layer, mixer);
}
