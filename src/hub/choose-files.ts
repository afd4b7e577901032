import { FlashrowError } from '../errors.js';
import { type GgufVariant, ggufVariants, variantsNamed } from './gguf-variants.js';

export const CONFIG_FILE = 'config.json';
const WEIGHTS_FILE = 'model.safetensors';
export const INDEX_FILE = 'model.safetensors.index.json';

/** What of a Hugging Face folder a model is read from, beside its weights. */
const FOLDER_FILES = /^(generation_config|tokenizer|tokenizer_config|special_tokens_map)\.json$|^chat_template\.jinja$/;
const TOP_LEVEL_WEIGHTS = /^[^/]+\.safetensors(\.index\.json)?$/;

/**
 * The paths of one model among those of a repository. The first one is what it is known by: all parts of the GGUF file
 * that the tag names in order, or config.json and the other files of a Hugging Face folder; of weights in several files
 * the index stands for them all. Throws BAD_USAGE that lists the names there are, UNSUPPORTED where there is no model.
 */
export function chooseFiles(repo: string, paths: readonly string[], tag: string | null): string[] {
  const variants = ggufVariants(paths);
  if (variants.length > 0) return chooseVariant(repo, variants, tag).files;
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

/** Whether `chooseFiles` finds any. */
export const holdsModel = (paths: readonly string[]): boolean =>
  ggufVariants(paths).length > 0 || folderFiles(paths) !== null;

/** The one that a tag names, or the only one. Throws BAD_USAGE that lists them. */
export function chooseVariant(repo: string, variants: readonly GgufVariant[], tag: string | null): GgufVariant {
  const chosen = tag === null ? variants : variantsNamed(variants, tag);
  if (chosen.length === 1) return chosen[0];
  const problem =
    tag === null ? 'holds several models' : chosen.length === 0 ? `has no ${tag}` : `has several models called ${tag}`;
  const tags = (chosen.length === 0 ? variants : chosen).map(({ name }) => name).join(', ');
  throw new FlashrowError('BAD_USAGE', `${repo} ${problem}; name one, as in ${repo}:<tag>: ${tags}`, { repo, tags });
}

/** As the loader reads them: the index counts where the weights are not in one file. */
function folderFiles(paths: readonly string[]): string[] | null {
  const weights = [WEIGHTS_FILE, INDEX_FILE].find((file) => paths.includes(file));
  if (!paths.includes(CONFIG_FILE) || weights === undefined) return null;
  return [CONFIG_FILE, ...paths.filter((path) => FOLDER_FILES.test(path)).sort(), weights];
}

/** Whether a file that lies beside those chosen would be read as one of their model's. */
export function isOfSameModel(path: string, chosen: readonly string[]): boolean {
  if (chosen[0] === CONFIG_FILE) return FOLDER_FILES.test(path) || TOP_LEVEL_WEIGHTS.test(path);
  return ggufVariants([path, ...chosen]).some(({ files }) => files.includes(path) && files.includes(chosen[0]));
}
