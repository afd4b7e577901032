import type { ExpectedTensor } from './architectures.js';
import type { CheckpointNames, ExpertNames } from './checkpoint-names.js';
import { residentOfLayer } from './resident-tensors.js';
import type { ModelSpec } from './spec.js';
import { EMBEDDING, FINAL_NORM, HEAD, layerTensor } from './tensor-names.js';

/** Every tensor of a model under its name in a checkpoint; `expertNames` where experts are tensors of their own. */
export function* expectedTensors(
  spec: ModelSpec,
  names: CheckpointNames,
  expertNames: ExpertNames | null,
): Generator<ExpectedTensor> {
  const { hiddenSize, vocabSize, experts } = spec;
  const neurons = experts?.intermediateSize ?? spec.intermediateSize;
  const streamed = [
    ['gate', [neurons, hiddenSize]],
    ['up', [neurons, hiddenSize]],
    ['down', [hiddenSize, neurons]],
  ] as const;
  const resident = residentOfLayer(spec);
  yield { name: EMBEDDING, sourceName: names.embedding, shape: [vocabSize, hiddenSize] };
  for (let layer = 0; layer < spec.numLayers; layer++) {
    for (const [tensor, shape] of resident)
      yield { name: layerTensor(layer, tensor), sourceName: names.layer(layer, tensor), shape };
    for (const [tensor, shape] of streamed) {
      const [name, sourceName] = [layerTensor(layer, tensor), names.layer(layer, tensor)];
      if (!experts) {
        yield { name, sourceName, shape: [...shape] };
        continue;
      }
      const stack = { name, sourceName, shape: [experts.numExperts, ...shape] };
      const ofExpert = (_: unknown, expert: number) => expertNames!(layer, tensor, expert);
      yield expertNames ? { ...stack, expertSourceNames: Array.from({ length: experts.numExperts }, ofExpert) } : stack;
    }
  }
  yield { name: FINAL_NORM, sourceName: names.finalNorm, shape: [hiddenSize] };
  if (!spec.tiedEmbeddings) yield { name: HEAD, sourceName: names.head, shape: [vocabSize, hiddenSize] };
}
