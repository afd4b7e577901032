import { existsSync, readdirSync, statSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { chooseFiles } from './choose-files.js';
import type { ModelName } from './model-name.js';

/** Where models of a hub are kept. */
export const modelsFolder = (cacheDir: string): string => join(cacheDir, 'models');
export const repoFolder = (cacheDir: string, repo: string): string => join(modelsFolder(cacheDir), ...repo.split('/'));

/** Files of a pulled repository, by their paths there; those that are not finished are left out. */
export function pulledFiles(cacheDir: string, repo: string): string[] {
  const folder = repoFolder(cacheDir, repo);
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.endsWith('.part'))
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep).join('/'));
}

/** What to open of a pulled model: a GGUF file, the first of several parts, or a folder. Null where nothing was pulled. Throws BAD_USAGE. */
export function pulledPath(cacheDir: string, { repo, tag }: ModelName): string | null {
  const files = pulledFiles(cacheDir, repo);
  if (files.length === 0) return null;
  const [first] = chooseFiles(repo, files, tag);
  const folder = repoFolder(cacheDir, repo);
  return first.endsWith('.gguf') ? join(folder, first) : folder;
}

export interface PulledModel {
  /** `organization/repository`. */
  name: string;
  path: string;
  bytes: number;
  /** When its newest file was written, ISO 8601. */
  modified: string;
  files: string[];
}

/** Every repository that was pulled, finished files alone. */
export function listPulled(cacheDir: string): PulledModel[] {
  const root = modelsFolder(cacheDir);
  const folders = (path: string) =>
    existsSync(path) ? readdirSync(path, { withFileTypes: true }).filter((entry) => entry.isDirectory()) : [];
  return folders(root).flatMap(({ name: organization }) =>
    folders(join(root, organization)).flatMap(({ name }) => {
      const repo = `${organization}/${name}`;
      const path = repoFolder(cacheDir, repo);
      const files = pulledFiles(cacheDir, repo).sort();
      if (files.length === 0) return [];
      const found = files.map((file) => statSync(join(path, file)));
      return {
        name: repo,
        path,
        bytes: found.reduce((sum, { size }) => sum + size, 0),
        modified: new Date(Math.max(...found.map(({ mtimeMs }) => mtimeMs))).toISOString(),
        files,
      };
    }),
  );
}
