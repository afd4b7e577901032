import type { ExpectedTensor } from './architecture.js';
import type { CheckpointNames } from './checkpoint-names.js';
import { type ExpertSource, type ExpertTensor, stackedExperts } from './expert-sources.js';
import { residentOfLayer } from './resident-tensors.js';
import type { ModelSpec } from './spec.js';
import {
  EMBEDDING,
  FINAL_NORM,
  FINAL_NORM_BIAS,
  HEAD,
  type LayerTensor,
  layerTensor,
  POSITIONS,
} from './tensor-names.js';

/** Where a checkpoint holds a tensor's rows in the midst of another's: groups of rows that follow one another in ours. Null where it has a tensor of its own. */
export type FusedRows = (tensor: LayerTensor) => ExpectedTensor['rowGroups'] | null;

/** Every tensor of a model under its name in a checkpoint, those of experts as `expertSource` says. */
export function* expectedTensors(
  spec: ModelSpec,
  names: CheckpointNames,
  {
    expertSource = stackedExperts,
    fusedRows = () => null,
  }: { expertSource?: ExpertSource; fusedRows?: FusedRows } = {},
): Generator<ExpectedTensor> {
  const { hiddenSize, vocabSize, experts } = spec;
  const neurons = experts?.intermediateSize ?? spec.intermediateSize;
  const streamed: [LayerTensor, number[]][] = [
    ['up', [neurons, hiddenSize]],
    ['down', [hiddenSize, neurons]],
  ];
  if (spec.gated) streamed.unshift(['gate', [neurons, hiddenSize]]);
  const resident = residentOfLayer(spec);
  yield { name: EMBEDDING, sourceName: names.embedding, shape: [vocabSize, hiddenSize] };
  if (spec.rotary === null)
    yield {
      name: POSITIONS,
      sourceName: names.positions!,
      shape: [spec.positionOffset + spec.contextLength, hiddenSize],
    };
  for (let layer = 0; layer < spec.numLayers; layer++) {
    for (const [tensor, shape] of resident) {
      const expected = { name: layerTensor(layer, tensor), sourceName: names.layer(layer, tensor), shape };
      const rowGroups = fusedRows(tensor);
      if (experts && (tensor === 'gateBias' || tensor === 'upBias' || tensor === 'downBias'))
        yield { ...expected, ...expertSource(layer, tensor, { ...experts, hiddenSize }) };
      else yield rowGroups ? { ...expected, rowGroups } : expected;
    }
    for (const [tensor, shape] of streamed) {
      const [name, sourceName] = [layerTensor(layer, tensor), names.layer(layer, tensor)];
      if (!experts) {
        const rowGroups = fusedRows(tensor);
        yield rowGroups ? { name, sourceName, shape, rowGroups } : { name, sourceName, shape };
        continue;
      }
      const source = expertSource(layer, tensor as ExpertTensor, { ...experts, hiddenSize });
      yield { name, sourceName, shape: [experts.numExperts, ...shape], ...source };
    }
  }
  yield { name: FINAL_NORM, sourceName: names.finalNorm, shape: [hiddenSize] };
  if (spec.norm === 'layer') yield { name: FINAL_NORM_BIAS, sourceName: names.finalNormBias!, shape: [hiddenSize] };
  if (!spec.tiedEmbeddings) yield { name: HEAD, sourceName: names.head, shape: [vocabSize, hiddenSize] };
}
