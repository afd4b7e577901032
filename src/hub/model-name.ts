/** A model on a hub: its repository, and which of several files of it. */
export interface ModelName {
  /** `organization/repository`. */
  repo: string;
  /** A quantization such as `Q4_K_M`; null where the repository holds one model. */
  tag: string | null;
}

/** `organization/repository`, or with `:tag`; null for anything else, paths among them. */
export function parseModelName(text: string): ModelName | null {
  const [, repo, tag] = /^(\w[\w.-]*\/\w[\w.-]*)(?::(\w[\w.-]*))?$/.exec(text) ?? [];
  return repo === undefined ? null : { repo, tag: tag ?? null };
}

export const formatModelName = ({ repo, tag }: ModelName): string => (tag === null ? repo : `${repo}:${tag}`);
