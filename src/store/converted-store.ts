import { existsSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { FlashrowError } from '../errors.js';
import { CONVERTED_FILES, MANIFEST_FILE } from './manifest.js';
import { PREDICTORS_FILE, readPredictors } from './predictors.js';
import { isStore, openStore, type Store } from './reader.js';

/**
 * The store in the cache folder that a checkpoint was converted to; null where there is none. A damaged store can be
 * made anew, so the damaged file is named then (the manifest where it is missing). Throws NOT_FOUND, UNSUPPORTED or IO.
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

/** Bytes of the files that conversion wrote to `path`. */
export const convertedBytes = (path: string): number =>
  CONVERTED_FILES.reduce((sum, name) => sum + (statSync(join(path, name), { throwIfNoEntry: false })?.size ?? 0), 0);

/** Removes the files that conversion wrote. The manifest goes first, so a kill in between leaves no store. */
export function removeConverted(path: string): void {
  for (const name of CONVERTED_FILES) rmSync(join(path, name), { force: true });
}

/**
 * Moves the other files (a calibration, uses of experts) from a store without its converted files into the new store.
 * Drops predictors that the new store would refuse.
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
