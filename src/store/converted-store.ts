import { existsSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { FlashrowError } from '../errors.js';
import { CONVERTED_FILES, MANIFEST_FILE } from './manifest.js';
import { PREDICTORS_FILE, readPredictors } from './predictors.js';
import { isStore, openStore, type Store } from './reader.js';

/**
 * The store that a checkpoint was converted to in the cache folder, or which file of it is damaged (the manifest's where it is missing); null where there
 * is none. Being derived, a damaged one can be made anew.
 */
export function openConverted(path: string): Store | { damagedFile: string } | null {
  if (!isStore(path)) return holdsFiles(path) ? { damagedFile: MANIFEST_FILE } : null;
  try {
    return openStore(path);
  } catch (error) {
    if (!(error instanceof FlashrowError) || error.code !== 'CORRUPT') throw error;
    return { damagedFile: error.details.file ?? MANIFEST_FILE };
  }
}

const holdsFiles = (path: string) => existsSync(path) && statSync(path).isDirectory() && readdirSync(path).length > 0;

/** Bytes that what conversion wrote to `path` takes up. */
export const convertedBytes = (path: string): number =>
  CONVERTED_FILES.reduce((sum, name) => sum + (statSync(join(path, name), { throwIfNoEntry: false })?.size ?? 0), 0);

/** Removes what conversion wrote, the manifest first: a kill on the way leaves no store. */
export function removeConverted(path: string): void {
  for (const name of CONVERTED_FILES) rmSync(join(path, name), { force: true });
}

/**
 * Moves what else there is (a calibration, uses of experts) from a store whose converted files are gone into the one that takes its place.
 * Predictors that the new one would refuse are dropped.
 */
export function moveRest(from: string, { path, spec }: Pick<Store, 'path' | 'spec'>): void {
  for (const name of readdirSync(from)) renameSync(join(from, name), join(path, name));
  try {
    readPredictors({ path, spec });
  } catch (error) {
    if (!(error instanceof FlashrowError) || error.code !== 'CORRUPT') throw error;
    rmSync(join(path, PREDICTORS_FILE));
  }
}
