import type { ModelDescription } from './architecture.js';
import type { CheckpointNames } from './checkpoint-names.js';
import type { DecoderFamily } from './decoder-family.js';
import { expectedTensors, type FusedRows, type TensorPlaces } from './expected-tensors.js';
import { fusedGateUp, fusedQueriesKeysValues } from './fused-rows.js';
import { GGUF_ROPE_TENSORS } from './rope-scaling.js';
import type { ModelSpec } from './spec.js';
import { DEFAULT_TRAITS } from './traits/default.js';

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
    noRotaryEvery: family.noRotaryEvery ?? null,
    attentionSinks: family.attentionSinks ?? false,
    attentionGate: family.attentionGate ?? false,
  }) as const;

/** A checkpoint that has no norms of queries and keys, where its family may be without them. */
export const withoutNorm = ({ optionalQueryKeyNorm }: DecoderFamily, hasNorm: boolean) =>
  optionalQueryKeyNorm && !hasNorm ? { queryKeyNorm: null } : {};

/** What one kind of checkpoint does in its own way, besides names. */
export interface DecoderPlaces
  extends Pick<TensorPlaces, 'expertSource' | 'mixerShape' | 'vectorShapes' | 'ngramParts'> {
  /** Matrices of a mixer whose rows are parts of a larger one. */
  mixerRows?: FusedRows;
  /** True for a tensor that a run does not need. */
  ignored?: (sourceName: string) => boolean;
}

/** Adds the tensors to a decoder's spec, under the names of its kind of checkpoint. */
export function describeDecoder(
  spec: ModelSpec,
  names: CheckpointNames,
  { fused }: DecoderFamily,
  { ignored, mixerRows, ...places }: DecoderPlaces,
): ModelDescription {
  const [attention, network] = [fusedQueriesKeysValues(spec), fusedGateUp(spec)];
  const fusedRows: FusedRows = (tensor) => {
    const ofMixer = mixerRows?.(tensor);
    if (ofMixer || !fused) return ofMixer ?? null;
    return attention(tensor) ?? (fused === true ? network(tensor) : null);
  };
  return {
    spec,
    tensors: { [Symbol.iterator]: () => expectedTensors(spec, names, { ...places, fusedRows }) },
    ignores: (sourceName) =>
      GGUF_ROPE_TENSORS.includes(sourceName) ||
      (ignored?.(sourceName) ?? false) ||
      (sourceName === names.head && spec.tiedEmbeddings) ||
      // Older Hugging Face checkpoints carry what theta says anyway.
      sourceName.endsWith('.rotary_emb.inv_freq'),
  };
}
