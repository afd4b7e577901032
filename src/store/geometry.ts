import type { BundleGeometry } from '../../native-bridge/bridge.js';
import { rowBytes } from '../../native-bridge/formats.js';

type Cut = Pick<BundleGeometry, 'hiddenSize' | 'neuronsPerBundle' | 'formats' | 'downOrientation'>;

/**
 * Bytes of each part of a bundle. `gate` is 0 without a gate. Throws RangeError where a row does not hold whole blocks.
 */
export function bundlePartBytes(cut: Cut): { gate: number; up: number; down: number } {
  const { hiddenSize, neuronsPerBundle, formats } = cut;
  return {
    gate: formats.gate === null ? 0 : neuronsPerBundle * rowBytes(formats.gate, hiddenSize),
    up: neuronsPerBundle * rowBytes(formats.up, hiddenSize),
    down:
      cut.downOrientation === 'by-neuron'
        ? neuronsPerBundle * rowBytes(formats.down, hiddenSize)
        : hiddenSize * rowBytes(formats.down, neuronsPerBundle),
  };
}
