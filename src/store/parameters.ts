import type { BundleGeometry } from '../../native-bridge/bridge.js';

/** Weights of a model in all: those that stay in memory, and those of the streamed layers. */
export function countParameters(
  layers: readonly Pick<BundleGeometry, 'hiddenSize' | 'numNeurons' | 'formats'>[],
  resident: Iterable<{ shape: readonly number[] }>,
): number {
  let count = 0;
  for (const { shape } of resident) count += shape.reduce((product, size) => product * size, 1);
  for (const { hiddenSize, numNeurons, formats } of layers)
    count += hiddenSize * numNeurons * (formats.gate === null ? 2 : 3);
  return count;
}
