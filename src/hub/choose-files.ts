import { FlashrowError } from '../errors.js';

/** What of a Hugging Face folder a model is read from. */
const FOLDER_FILES =
  /^(config|generation_config|tokenizer|tokenizer_config|special_tokens_map)\.json$|^chat_template\.jinja$|^[^/]+\.safetensors(\.index\.json)?$/;

/**
 * The paths of one model among those of a repository: all parts of the GGUF file that the tag names, or the files of a Hugging Face folder.
 * Throws BAD_USAGE that lists the tags there are, UNSUPPORTED where there is no model.
 */
export function chooseFiles(repo: string, paths: readonly string[], tag: string | null): string[] {
  const variants = ggufVariants(paths);
  if (variants.size > 0) {
    const chosen = tag === null && variants.size === 1 ? [...variants.keys()][0] : (tag ?? '').toLowerCase();
    const files = variants.get(chosen);
    if (files) return files;
    const tags = [...variants.keys()].map((each) => each.toUpperCase()).join(', ');
    const problem = tag === null ? 'holds several models' : `has no ${tag}`;
    throw new FlashrowError('BAD_USAGE', `${repo} ${problem}; name one, as in ${repo}:<tag>: ${tags}`, { repo, tags });
  }
  const folder = paths.filter((path) => FOLDER_FILES.test(path));
  if (!folder.includes('config.json') || !folder.some((path) => path.endsWith('.safetensors')))
    throw new FlashrowError(
      'UNSUPPORTED',
      `${repo} holds no model that can be read: neither GGUF files nor config.json with safetensors`,
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

/** GGUF files by tag in lower case, the parts of a split one together and in order; projectors of other senses are no models. */
function ggufVariants(paths: readonly string[]): Map<string, string[]> {
  const variants = new Map<string, string[]>();
  for (const path of [...paths].sort()) {
    const [, stem] = /([^/]+?)(?:-\d{5}-of-\d{5})?\.gguf$/i.exec(path) ?? [];
    if (stem === undefined || /^mmproj/i.test(stem)) continue;
    const tag = /(?:^|[-.])([^-.]+)$/.exec(stem)![1].toLowerCase();
    variants.set(tag, [...(variants.get(tag) ?? []), path]);
  }
  return variants;
}
