import type { BundleGeometry } from '../../dist/native-bridge/bridge.js';

/**
 * A layer whose neurons are bundles of their own, one record each: gate, up and down in f16, `hiddenSize` values a row.
 */
export function neuronLayer(numNeurons: number, hiddenSize: number): BundleGeometry {
  const row = 2 * hiddenSize;
  return {
    hiddenSize,
    numNeurons,
    neuronsPerBundle: 1,
    activation: 'relu',
    formats: { gate: 'f16', up: 'f16', down: 'f16' },
    downOrientation: 'by-neuron',
    extents: [{ file: 0, offset: 0, bytes: 3 * row, stride: 3 * row }],
    parts: { gate: { extent: 0, offset: 0 }, up: { extent: 0, offset: row }, down: { extent: 0, offset: 2 * row } },
    segments: [
      { extent: 0, offset: 0, bytes: row },
      { extent: 0, offset: row, bytes: 2 * row },
    ],
    checksums: null,
  };
}
