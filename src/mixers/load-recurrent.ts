import type { RecurrentSpec } from '../model/spec.js';
import { loadDeltaNet } from './delta-net.js';
import { loadMamba2 } from './mamba2.js';
import type { MixerLoad } from './mixer-tensors.js';
import type { RecurrentLayer } from './recurrent-layer.js';
import { loadShortConvolution } from './short-convolution.js';

/** Loads one layer's mixer. Throws CORRUPT, NOT_FOUND, IO or BridgeError, and then holds nothing. */
export function loadRecurrent(load: MixerLoad, layer: number, mixer: RecurrentSpec): RecurrentLayer {
  switch (mixer.kind) {
    case 'short-convolution':
      return loadShortConvolution(load, layer, mixer);
    case 'delta-net':
      return loadDeltaNet(load, layer, mixer);
    case 'mamba-2':
      return loadMamba2(load, layer, mixer);
  }
}
