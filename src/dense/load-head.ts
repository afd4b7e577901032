import type { ResidentMatrix } from '../../native-bridge/bridge.js';
import { FINAL_NORM, FINAL_NORM_BIAS } from '../model/tensor-names.js';
import { bridgeHead } from './bridge-segments.js';
import { headName, tensorNamed } from './check-tensors.js';
import { checkOnDisk } from './checksum.js';
import { libraryFor } from './choose-library.js';
import { normVectors, onnxSegments, type SegmentLoad } from './load-layer.js';
import type { Head } from './segments.js';

export interface LoadedHead {
  head: Head;
  /** The head's matrix [vocabSize, hiddenSize] if it is the embedding too and the bridge holds it; else null. */
  tiedEmbedding: ResidentMatrix | null;
}

/**
 * Loads the last norm and the head on the library that holds its format best. Throws CORRUPT, NOT_FOUND, IO or
 * BridgeError.
 */
export async function loadHead({ spec, tensors, bridge, threads, scratch, held }: SegmentLoad): Promise<LoadedHead> {
  const norm = {
    weight: tensorNamed(tensors, FINAL_NORM),
    bias: spec.norm === 'layer' ? tensorNamed(tensors, FINAL_NORM_BIAS) : null,
  };
  const last = { norm, head: tensorNamed(tensors, headName(spec)) };
  const onBridge = libraryFor([last.head]) === 'bridge';
  for (const tensor of normVectors(norm)) checkOnDisk(tensor, bridge);
  if (onBridge) {
    const head = held.keep(bridgeHead(spec, last, bridge, scratch));
    return { head, tiedEmbedding: spec.tiedEmbeddings ? head.matrix : null };
  }
  checkOnDisk(last.head, bridge);
  return { head: held.keep(await (await onnxSegments()).onnxHead(spec, last, threads)), tiedEmbedding: null };
}
