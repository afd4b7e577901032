import { openHost } from '../../dist/src/engine/open-host.js';
import { openCheckpoint } from '../../dist/src/import/open.js';
import { TensorReader } from '../../dist/src/import/tensor-reader.js';
import { prepare } from '../../dist/src/worker/file-work.js';

/**
 * How clear a router's choice is, token by token: by how much the logit of the last expert chosen exceeds that of the
 * first one not chosen, in the layer where that is least. From the inputs of each layer's network and the file's
 * routers.
 */
export async function routerMargins(path: string, tokens: readonly number[], cacheDir: string): Promise<number[]> {
  const { spec, tensors } = openCheckpoint(path);
  const { hiddenSize, numLayers, experts } = spec;
  const { numExperts, numExpertsPerToken } = experts!;
  const reader = new TensorReader();
  const values = (name: string, rows: number) => reader.readFloats(tensors.get(name)!, 0, rows);
  const layers = Array.from({ length: numLayers }, (_, layer) => ({
    router: values(`layers.${layer}.router`, numExperts),
    bias: spec.feedForwardBiases ? values(`layers.${layer}.routerBias`, 1) : new Float32Array(numExperts),
    seen: 0,
  }));
  reader.close();
  const least = new Array<number>(tokens.length).fill(Number.POSITIVE_INFINITY);

  const options = { memory: '256MB', cacheDir };
  const { store } = await prepare({ source: path, options }, new AbortController().signal, () => {});
  const never = () => false;
  const host = await openHost({ store, options, anonymousBefore: 0 }, never, () => {});
  try {
    await host.observe(tokens, never, (index, x, count) => {
      const layer = layers[index];
      for (let token = 0; token < count; token++, layer.seen++) {
        const logits = Array.from(layer.bias, (bias, expert) => {
          let sum = bias;
          for (let d = 0; d < hiddenSize; d++) sum += layer.router[expert * hiddenSize + d] * x[token * hiddenSize + d];
          return sum;
        }).sort((a, b) => b - a);
        const margin = logits[numExpertsPerToken - 1] - logits[numExpertsPerToken];
        least[layer.seen] = Math.min(least[layer.seen], margin);
      }
    });
  } finally {
    await host.dispose();
  }
  return least;
}
