import { FlashrowError } from '../errors.js';

/** A model on a hub: its repository, and which of several files of it. */
export interface ModelName {
  /** `organization/repository`. */
  repo: string;
  /** A quantization such as `Q4_K_M`; null where the repository holds one model. */
  tag: string | null;
  /** A file of the repository, or a folder of it, where an address said so. */
  within?: string;
  /** The branch, tag or commit that an address named. */
  revision?: string;
}

const HUB_HOSTS = ['huggingface.co', 'www.huggingface.co', 'hf.co'];
const NAME = /^(\w[\w.-]*\/\w[\w.-]*)(?::(\w[\w.-]*))?$/;

/**
 * `organization/repository`, or with `:tag`, or either behind a hub's host, or the address of a page or a file there;
 * null for anything else, paths among them. `endpoint` is another hub's address.
 */
export function parseModelName(text: string, endpoint?: string): ModelName | null {
  const address = withoutHost(text, endpoint);
  if (address === null) return null;
  // Without a host, anything longer is a path.
  const [name, ...more] = address === text ? [text] : splitAddress(address);
  const [, repo, tag] = NAME.exec(name) ?? [];
  if (repo === undefined) return null;
  const [kind, revision, ...inside] = more;
  if (kind !== undefined && !['tree', 'blob', 'resolve'].includes(kind)) return null;
  return {
    repo,
    tag: tag ?? null,
    ...(inside.length > 0 && { within: inside.join('/') }),
    ...(revision !== undefined && revision !== '' && { revision }),
  };
}

/** What follows the host; the whole text where it names none; null where it names one that is no hub. */
function withoutHost(text: string, endpoint: string | undefined): string | null {
  const [, scheme, rest] = /^(https?:\/\/)?(.*)$/is.exec(text)!;
  const own = endpoint?.replace(/^https?:\/\//i, '').replace(/\/+$/, '');
  for (const host of own === undefined ? HUB_HOSTS : [...HUB_HOSTS, own])
    if (rest.toLowerCase().startsWith(`${host.toLowerCase()}/`)) return rest.slice(host.length + 1);
  return scheme === undefined ? text : null;
}

/** organization/repository, then what follows, without a query or an empty end, and decoded. */
function splitAddress(address: string): string[] {
  const parts = address
    .replace(/[?#].*$/s, '')
    .replace(/\/+$/, '')
    .split('/');
  const decoded = parts.map((part) => {
    try {
      return decodeURIComponent(part);
    } catch {
      return part;
    }
  });
  return [decoded.slice(0, 2).join('/'), ...decoded.slice(2)];
}

/** The same name. Throws BAD_USAGE for what is none, and says what is wrong with an address of something else. */
export function requireModelName(text: string, endpoint: string): ModelName {
  const name = parseModelName(text, endpoint);
  if (name !== null) return name;
  const details = { value: text };
  const address = withoutHost(text, endpoint);
  if (address !== null && /^(datasets|spaces)\//.test(address))
    throw new FlashrowError(
      'BAD_USAGE',
      `${text} is the address of no model: ${address.split('/')[0]} hold none`,
      details,
    );
  const [, host] = /^(?:https?:\/\/)?([\w-]+(?:\.[\w-]+)+(?::\d+)?)\/[^/]+\/./i.exec(text) ?? [];
  if (host !== undefined && !HUB_HOSTS.includes(host.toLowerCase()))
    throw new FlashrowError(
      'BAD_USAGE',
      `${text} is at ${host}; models come from huggingface.co, or from a hub with the same interface whose address is the \`endpoint\``,
      details,
    );
  throw new FlashrowError(
    'BAD_USAGE',
    `a model on a hub is called organization/repository, or organization/repository:tag, not ${text}`,
    details,
  );
}

export const formatModelName = ({ repo, tag }: ModelName): string => (tag === null ? repo : `${repo}:${tag}`);
