import { FlashrowError } from '../errors.js';

const MAX_INDEX_BYTES = 32 * 2 ** 20;

/** Throws CORRUPT where an index is larger than that of any model. */
export function checkIndexSize(repo: string, path: string, bytes: number): void {
  if (bytes > MAX_INDEX_BYTES)
    throw new FlashrowError('CORRUPT', `${repo}/${path} has ${bytes} bytes, which no index of weights has`, { path });
}

/**
 * The files that model.safetensors.index.json says the weights are in (`weight_map`: from the name of a tensor to that
 * of its file). Throws CORRUPT where it says nothing, or names a file that the repository does not list.
 */
export function shardsOf(repo: string, path: string, index: Buffer, listed: ReadonlySet<string>): string[] {
  const damaged = (how: string) =>
    new FlashrowError('CORRUPT', `${repo}/${path} ${how}; its publisher has to mend it`, { path });
  let map: unknown;
  try {
    map = JSON.parse(index.toString('utf8')).weight_map;
  } catch {
    throw damaged('is no JSON');
  }
  const shards = typeof map === 'object' && map !== null ? [...new Set(Object.values(map))] : [];
  if (shards.length === 0) throw damaged('has no "weight_map", or an empty one');
  for (const shard of shards)
    if (typeof shard !== 'string' || !listed.has(shard))
      throw damaged(`names ${JSON.stringify(shard)}, which is not there`);
  return (shards as string[]).sort();
}
