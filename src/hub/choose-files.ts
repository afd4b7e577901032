import { FlashrowError } from '../errors.js';
import { type GgufVariant, ggufVariants, variantsNamed } from './gguf-variants.js';

export const CONFIG_FILE = 'config.json';
const WEIGHTS_FILE = 'model.safetensors';
export const INDEX_FILE = 'model.safetensors.index.json';

/** The files of a Hugging Face folder that a model is read from, beside its weights. */
const FOLDER_FILES =
  /^(generation_config|tokenizer|tokenizer_config|special_tokens_map|(pre)?processor_config)\.json$|^chat_template\.jinja$/;
const TOP_LEVEL_WEIGHTS = /^[^/]+\.safetensors(\.index\.json)?$/;

/**
 * The paths of one model among those of a repository: all parts of the GGUF file that the tag names, in order, or
 * config.json and the other files of a Hugging Face folder. The model is known by the first one. Where weights are in
 * several files, the index stands for them all.
 * `within` is a file or a folder of the repository that the model is in. Throws BAD_USAGE that lists the names to
 * choose from, UNSUPPORTED where there is no model.
 */
export function chooseFiles(
  repo: string,
  paths: readonly string[],
  tag: string | null,
  within: string | undefined = undefined,
): string[] {
  const all = ggufVariants(paths);
  const variants = within === undefined ? all : all.filter(({ files }) => files.some((file) => isWithin(file, within)));
  if (within?.toLowerCase().endsWith('.gguf') && variants.length === 0)
    throw new FlashrowError('BAD_USAGE', `${repo} has no model ${within}; it has ${namesOf(all) || 'no GGUF files'}`, {
      repo,
      tags: namesOf(all),
    });
  if (all.length > 0) return chooseVariant(repo, variants.length > 0 ? variants : all, tag).files;
  const folder = folderFiles(paths);
  if (folder === null)
    throw new FlashrowError(
      'UNSUPPORTED',
      `${repo} holds no model that can be read: neither GGUF files nor ${CONFIG_FILE} with ${WEIGHTS_FILE} or its index`,
      {
        repo,
      },
    );
  if (tag !== null)
    throw new FlashrowError('BAD_USAGE', `${repo} holds one model, in safetensors; give its name without ":${tag}"`, {
      repo,
    });
  return folder;
}

const isWithin = (file: string, place: string) => file === place || file.startsWith(`${place}/`);
const namesOf = (variants: readonly GgufVariant[]) => variants.map(({ name }) => name).join(', ');

/** Whether `chooseFiles` finds a model. */
export const holdsModel = (paths: readonly string[]): boolean =>
  ggufVariants(paths).length > 0 || folderFiles(paths) !== null;

/** The model that a tag names, or the only one. Throws BAD_USAGE that lists the tags. */
export function chooseVariant(repo: string, variants: readonly GgufVariant[], tag: string | null): GgufVariant {
  const chosen = tag === null ? variants : variantsNamed(variants, tag);
  if (chosen.length === 1) return chosen[0];
  const problem =
    tag === null ? 'holds several models' : chosen.length === 0 ? `has no ${tag}` : `has several models called ${tag}`;
  const tags = namesOf(chosen.length === 0 ? variants : chosen);
  throw new FlashrowError('BAD_USAGE', `${repo} ${problem}; name one, as in ${repo}:<tag>: ${tags}`, { repo, tags });
}

/** The files that the loader reads. The index counts where the weights are not in one file. */
function folderFiles(paths: readonly string[]): string[] | null {
  const weights = [WEIGHTS_FILE, INDEX_FILE].find((file) => paths.includes(file));
  if (!paths.includes(CONFIG_FILE) || weights === undefined) return null;
  return [CONFIG_FILE, ...paths.filter((path) => FOLDER_FILES.test(path)).sort(), weights];
}

/** Whether a file that lies beside the chosen ones would be read as part of their model. */
export function isOfSameModel(path: string, chosen: readonly string[]): boolean {
  if (chosen[0] === CONFIG_FILE) return FOLDER_FILES.test(path) || TOP_LEVEL_WEIGHTS.test(path);
  return ggufVariants([path, ...chosen]).some(({ files }) => files.includes(path) && files.includes(chosen[0]));
}
