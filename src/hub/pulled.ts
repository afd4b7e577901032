import { existsSync, readdirSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { CONFIG_FILE, chooseFiles, holdsModel } from './choose-files.js';
import type { ModelName } from './model-name.js';

/** Where models of a hub are kept. */
export const modelsFolder = (cacheDir: string): string => join(cacheDir, 'models');
export const repoFolder = (cacheDir: string, repo: string): string => join(modelsFolder(cacheDir), ...repo.split('/'));

/** All files in the folder of a repository, unfinished ones among them, by their paths there. */
export function filesIn(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .sort();
}

/** The path that an unfinished file will have; null for one that is in its place. */
export const placeOfPart = (path: string): string | null => /^(.+)\.[0-9a-f]{12}\.part$/.exec(path)?.[1] ?? null;

/** Files of a pulled repository that are in their places. */
export const placedFiles = (folder: string): string[] => filesIn(folder).filter((path) => placeOfPart(path) === null);

/** What to open of a model in `folder` by its first file (`chooseFiles`). */
export const modelPath = (folder: string, first: string): string =>
  first === CONFIG_FILE ? folder : join(folder, first);

/**
 * What to open of a pulled model: a GGUF file, the first of several parts, or a folder. Null where nothing was pulled.
 * Throws BAD_USAGE.
 */
export function pulledPath(cacheDir: string, { repo, tag }: ModelName): string | null {
  const folder = repoFolder(cacheDir, repo);
  const files = placedFiles(folder);
  if (!holdsModel(files)) return null;
  return modelPath(folder, chooseFiles(repo, files, tag)[0]);
}
