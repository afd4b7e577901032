import type { ResidentMatrix } from '../../native-bridge/bridge.js';
import { FINAL_NORM, FINAL_NORM_BIAS } from '../model/tensor-names.js';
import { headName, tensorNamed } from './check-tensors.js';
import { checkOnDisk } from './checksum.js';
import { normVectors, type SegmentLoad } from './load-layer.js';
import { type Head, lastSegment } from './segments.js';

export interface LoadedHead {
  head: Head;
  /** The head's matrix [vocabSize, hiddenSize] if it is the embedding too; else null. */
  tiedEmbedding: ResidentMatrix | null;
}

/** Loads the last norm and the head. Throws CORRUPT, NOT_FOUND, IO or BridgeError. */
export function loadHead({ spec, tensors, bridge, scratch, held }: SegmentLoad): LoadedHead {
  const norm = {
    weight: tensorNamed(tensors, FINAL_NORM),
    bias: spec.norm === 'layer' ? tensorNamed(tensors, FINAL_NORM_BIAS) : null,
  };
  for (const tensor of normVectors(norm)) checkOnDisk(tensor, bridge);
  const head = held.keep(lastSegment(spec, { norm, head: tensorNamed(tensors, headName(spec)) }, bridge, scratch));
  return { head, tiedEmbedding: spec.tiedEmbeddings ? head.matrix : null };
}
