import type { ResidentMatrix } from '../../native-bridge/bridge.js';
import { hasNorms } from '../model/mixer-tensors.js';
import { FINAL_NORM, FINAL_NORM_BIAS } from '../model/tensor-names.js';
import { headName, tensorNamed } from './check-tensors.js';
import { checkOnDisk } from './checksum.js';
import { normVectors, type SegmentLoad } from './load-layer.js';
import { loadMatrix, streamedMatrix } from './load-tensor.js';
import { type Head, lastSegment } from './segments.js';

export interface LoadedHead {
  head: Head;
  /** The head's matrix [vocabSize, hiddenSize] if it is the embedding too, and in memory; else null. */
  tiedEmbedding: ResidentMatrix | null;
}

/** Loads the last norm and the head. Throws CORRUPT, NOT_FOUND, IO or BridgeError. */
export function loadHead({ spec, tensors, bridge, streamed, scratch, held }: SegmentLoad): LoadedHead {
  const norm = hasNorms(spec)
    ? {
        weight: tensorNamed(tensors, FINAL_NORM),
        bias: spec.norm === 'layer' ? tensorNamed(tensors, FINAL_NORM_BIAS) : null,
      }
    : null;
  for (const tensor of norm ? normVectors(norm) : []) checkOnDisk(tensor, bridge);
  const tensor = tensorNamed(tensors, headName(spec));
  const flowing = streamedMatrix(streamed, tensor, headName(spec));
  if (flowing) return { head: lastSegment(spec, { norm, head: flowing }, scratch), tiedEmbedding: null };
  const matrix = held.keep(loadMatrix(bridge, tensor));
  return {
    head: lastSegment(spec, { norm, head: matrix }, scratch),
    tiedEmbedding: spec.tiedEmbeddings ? matrix : null,
  };
}
