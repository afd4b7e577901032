import { basename, join } from 'node:path';
import type { Checkpoint } from '../import/checkpoint.js';
import { openCheckpoint } from '../import/open.js';
import { isStore, openStore, type Store } from './reader.js';

export { openCheckpoint };

/** A foreign checkpoint, and the store in the cache folder that it converts to. */
export interface CheckpointSource {
  kind: 'checkpoint';
  checkpoint: Checkpoint;
  storePath: string;
}

/** What a path turned out to be. */
export type Source = { kind: 'store'; store: Store } | CheckpointSource;

/**
 * A store folder, a GGUF file or a Hugging Face folder; a checkpoint that was converted into `cacheDir` before is its store.
 * Throws NOT_FOUND, UNSUPPORTED or CORRUPT.
 */
export function openSource(path: string, cacheDir: string): Source {
  if (isStore(path)) return { kind: 'store', store: openStore(path) };
  const checkpoint = openCheckpoint(path);
  // The digest tells two versions of a file by the same name apart.
  const storePath = join(cacheDir, `${basename(path).replace(/\.gguf$/i, '')}-${checkpoint.digest.slice(0, 16)}`);
  return isStore(storePath)
    ? { kind: 'store', store: openStore(storePath) }
    : { kind: 'checkpoint', checkpoint, storePath };
}
