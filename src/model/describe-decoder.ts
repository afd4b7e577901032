import type { ModelDescription } from './architecture.js';
import type { CheckpointNames } from './checkpoint-names.js';
import type { DecoderFamily } from './decoder-family.js';
import { DEFAULT_TRAITS } from './default-traits.js';
import { expectedTensors, type FusedRows } from './expected-tensors.js';
import type { ExpertSource } from './expert-sources.js';
import { fusedGateUp, fusedQueriesKeysValues } from './fused-rows.js';
import { GGUF_ROPE_TENSORS } from './rope-scaling.js';
import type { ModelSpec } from './spec.js';

/** Traits of a family that no checkpoint of it changes. */
export const familyTraits = (family: DecoderFamily) =>
  ({
    ...DEFAULT_TRAITS,
    architecture: family.architecture,
    norm: 'rms',
    positionOffset: 0,
    gated: true,
    queryKeyValueBiases: family.queryKeyValueBiases,
    outputBias: family.biases ?? false,
    feedForwardBiases: family.biases ?? false,
    parallelNorm: null,
    queryKeyNorm: family.queryKeyNorm,
    attentionSinks: family.attentionSinks ?? false,
  }) as const;

/** Adds the tensors to a decoder's spec, under the names of its kind of checkpoint. */
export function describeDecoder(
  spec: ModelSpec,
  names: CheckpointNames,
  { fused }: DecoderFamily,
  expertSource?: ExpertSource,
): ModelDescription {
  const [attention, network] = [fusedQueriesKeysValues(spec), fusedGateUp(spec)];
  const fusedRows: FusedRows = (tensor) => (fused ? (attention(tensor) ?? network(tensor)) : null);
  return {
    spec,
    tensors: { [Symbol.iterator]: () => expectedTensors(spec, names, { expertSource, fusedRows }) },
    ignores: (sourceName) =>
      GGUF_ROPE_TENSORS.includes(sourceName) ||
      (sourceName === names.head && spec.tiedEmbeddings) ||
      // Older Hugging Face checkpoints carry what theta says anyway.
      sourceName.endsWith('.rotary_emb.inv_freq'),
  };
}
