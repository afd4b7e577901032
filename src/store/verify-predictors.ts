import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Crc32c } from '../../native-bridge/crc32c.js';
import { FlashrowError } from '../errors.js';
import { PREDICTORS_FILE, type PredictorRun, type Predictors, readPredictors, readRun } from './predictors.js';
import type { Store } from './reader.js';
import type { Damage } from './verification.js';

/**
 * Reads all of a store's predictors.bin, if it has one, and finds the first damage. `onBytes` receives the number of
 * bytes of each read. Throws UNSUPPORTED where a newer flashrow wrote it.
 */
export function findPredictorDamage(store: Store, crc32c: Crc32c, onBytes: (bytes: number) => void): Damage | null {
  if (!existsSync(join(store.path, PREDICTORS_FILE))) return null;
  const damage = (offset: number, layer: number | null = null): Damage => ({
    file: PREDICTORS_FILE,
    layer,
    bundle: null,
    offset,
  });
  const predictors = orNull(() => readPredictors(store));
  if (predictors === null) return damage(0);
  const runs = predictors.layers.flatMap(({ inner, outer, bias, uses }, layer) =>
    [inner, outer, bias, uses].map((run) => ({ run, layer })),
  );
  onBytes(runs[0].run.offset);
  let firstBad: Damage | null = null;
  for (const { run, layer } of runs) {
    if (!isSound(predictors, run, crc32c)) firstBad ??= damage(run.offset, layer);
    onBytes(run.bytes);
  }
  const last = runs[runs.length - 1].run;
  const end = last.offset + last.bytes;
  if (predictors.bytes > end) firstBad ??= damage(end);
  onBytes(predictors.bytes - end);
  return firstBad;
}

const isSound = (predictors: Predictors, run: PredictorRun, crc32c: Crc32c): boolean =>
  orNull(() => readRun(predictors, run, crc32c)) !== null;

/** The result of `read`; null where it throws CORRUPT. */
function orNull<T>(read: () => T | null): T | null {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof FlashrowError) || error.code !== 'CORRUPT') throw error;
    return null;
  }
}
