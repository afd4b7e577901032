import { writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Crc32c } from '../../../native-bridge/crc32c.js';
import { replaceFile } from '../../disk/replace-file.js';
import {
  encodeHeader,
  type LayerPredictor,
  PREDICTORS_FILE,
  type PredictorRun,
  type PredictorsHeader,
} from '../predictors.js';

/** A layer's predictor with its data. */
export type FinishedLayer = Omit<LayerPredictor, 'inner' | 'outer' | 'bias' | 'uses'> & {
  inner: Uint8Array;
  outer: Uint8Array;
  bias: Uint8Array;
  uses: Uint8Array;
};

/**
 * Writes predictors.bin into a store's folder. It replaces an older one once it is whole. Returns its path and bytes.
 */
export function writePredictors(
  storePath: string,
  header: Omit<PredictorsHeader, 'layers'>,
  layers: readonly FinishedLayer[],
  crc32c: Crc32c,
): { path: string; bytes: number } {
  let reached = 0;
  const run = (bytes: Uint8Array): PredictorRun => {
    const offset = reached;
    reached += bytes.length;
    return { offset, bytes: bytes.length, checksum: crc32c(bytes, 0) };
  };
  const described = layers.map(
    ({ inner, outer, bias, uses, ...layer }): LayerPredictor => ({
      ...layer,
      inner: run(inner),
      outer: run(outer),
      bias: run(bias),
      uses: run(uses),
    }),
  );
  const parts = [
    encodeHeader({ ...header, layers: described }),
    ...layers.flatMap(({ inner, outer, bias, uses }) => [inner, outer, bias, uses]),
  ];
  const path = join(storePath, PREDICTORS_FILE);
  replaceFile(path, (file) => {
    for (const part of parts)
      for (let done = 0; done < part.length; ) done += writeSync(file, part, done, part.length - done);
  });
  return { path, bytes: parts.reduce((sum, part) => sum + part.length, 0) };
}
