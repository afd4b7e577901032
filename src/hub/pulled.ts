import { join } from 'node:path';
import { filesBelow } from '../disk/kept-files.js';
import { CONFIG_FILE, chooseFiles, holdsModel } from './choose-files.js';
import type { ModelName } from './model-name.js';

/** The folder of the models that were pulled, and the folder of one repository in it. */
export const modelsFolder = (cacheDir: string): string => join(cacheDir, 'models');
export const repoFolder = (cacheDir: string, repo: string): string => join(modelsFolder(cacheDir), ...repo.split('/'));

/** All files in the folder of a repository, unfinished ones among them, by their paths there. */
export const filesIn = (folder: string): string[] => filesBelow(folder);

/** The path that an unfinished file will have; null for one that is in its place. */
export const placeOfPart = (path: string): string | null => /^(.+)\.[0-9a-f]{12}\.part$/.exec(path)?.[1] ?? null;

/** Files of a pulled repository that are in their places. */
export const placedFiles = (folder: string): string[] => filesIn(folder).filter((path) => placeOfPart(path) === null);

/** The path to open for the model in `folder` whose first file is `first` (`chooseFiles`). */
export const modelPath = (folder: string, first: string): string =>
  first === CONFIG_FILE ? folder : join(folder, first);

/**
 * The path to open for a pulled model: a GGUF file, the first of several parts, or a folder. Null where nothing was
 * pulled.
 * Throws BAD_USAGE.
 */
export function pulledPath(cacheDir: string, { repo, tag, within }: ModelName): string | null {
  const folder = repoFolder(cacheDir, repo);
  const files = placedFiles(folder);
  if (!holdsModel(files)) return null;
  return modelPath(folder, chooseFiles(repo, files, tag, within)[0]);
}
