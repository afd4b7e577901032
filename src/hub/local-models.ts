import { join, posix } from 'node:path';
import { foldersIn } from '../disk/kept-files.js';
import { mmprojsNear } from '../vision/mmproj/mmproj-names.js';
import { holdsModel } from './choose-files.js';
import { type GgufVariant, ggufVariants } from './gguf-variants.js';
import { parseModelName } from './model-name.js';
import { filesIn, modelPath, modelsFolder, placeOfPart, repoFolder } from './pulled.js';

/** A model of a hub in the cache folder, or the files of a pull that was cut off. */
export interface LocalModel {
  /** `organization/repository`, with `:tag` where it is a GGUF file. */
  name: string;
  repo: string;
  /** Null for a Hugging Face folder. */
  variant: GgufVariant | null;
  finished: boolean;
  /** The path to open. For an unfinished model, the repository's folder. */
  path: string;
  /** The paths of all its files, absolute. */
  files: string[];
}

/**
 * Every model in the cache folder. An unfinished newer version is another entry of the same name.
 */
export function localModels(cacheDir: string): LocalModel[] {
  const root = modelsFolder(cacheDir);
  return foldersIn(root).flatMap((organization) =>
    foldersIn(join(root, organization)).flatMap((name) => modelsOf(cacheDir, `${organization}/${name}`)),
  );
}

/** The models of one repository. */
export function modelsOf(cacheDir: string, repo: string): LocalModel[] {
  const folder = repoFolder(cacheDir, repo);
  const files = filesIn(folder);
  const places = [...new Set(files.map((path) => placeOfPart(path) ?? path))];
  const found = ggufVariants(places);
  const eyesOf = ({ files: [first] }: GgufVariant) => [...mmprojsNear(first, namesAmong(places))][0];
  const variants = found.flatMap((variant) => {
    const tagged = `${repo}:${variant.name}`;
    const name = parseModelName(tagged) ? tagged : repo;
    // An mmproj file that others need as well is none of its own: it stays when this one goes.
    const eyes = eyesOf(variant);
    const own = eyes !== undefined && found.filter((other) => eyesOf(other) === eyes).length === 1 ? [eyes] : [];
    return entries({ name, repo, variant }, folder, [...variant.files, ...own], files, (placed) =>
      placed.includes(variant.files[0]) ? modelPath(folder, variant.files[0]) : null,
    );
  });
  const others = places.filter((path) => !path.endsWith('.gguf'));
  const folderModel = entries({ name: repo, repo, variant: null }, folder, others, files, (placed) =>
    holdsModel(placed) ? folder : null,
  );
  return [...variants, ...folderModel];
}

/** The names of the files in a folder, out of paths with slashes. */
export const namesAmong =
  (paths: readonly string[]) =>
  (folder: string): string[] =>
    paths.filter((path) => posix.dirname(path) === folder).map((path) => posix.basename(path));

function entries(
  model: Pick<LocalModel, 'name' | 'repo' | 'variant'>,
  folder: string,
  places: readonly string[],
  files: readonly string[],
  openedAt: (placed: readonly string[]) => string | null,
): LocalModel[] {
  const placed = files.filter((path) => places.includes(path));
  const parts = files.filter((path) => places.includes(placeOfPart(path) ?? ''));
  const absolute = (paths: readonly string[]) => paths.map((path) => join(folder, path));
  const path = openedAt(placed);
  const finished = path === null ? [] : [{ ...model, finished: true, path, files: absolute(placed) }];
  // Without a part file, no pull of ours left these files.
  if (parts.length === 0) return finished;
  const left = path === null ? [...placed, ...parts] : parts;
  return [...finished, { ...model, finished: false, path: folder, files: absolute(left) }];
}
