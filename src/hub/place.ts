import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { asPlaceError } from '../disk/folders.js';
import { isOfSameModel } from './choose-files.js';
import { partPath } from './download.js';
import type { RemoteFile } from './hub.js';
import { filesIn, placedFiles, placeOfPart } from './pulled.js';

/**
 * Puts those of a model's files that were downloaded in their places, and takes away what else other versions left. The
 * first file, without which nothing is taken for a model, leaves before the others change and comes last: what is in
 * place is of one version, wherever this is cut off. Throws NOT_WRITABLE, DISK_FULL or IO.
 */
export async function place(
  folder: string,
  files: readonly RemoteFile[],
  downloaded: ReadonlySet<RemoteFile>,
): Promise<void> {
  const [first] = files;
  const at = (file: RemoteFile) => join(folder, file.path);
  const chosen = files.map(({ path }) => path);
  const stale = placedFiles(folder).filter((path) => !chosen.includes(path) && isOfSameModel(path, chosen));
  try {
    if (stale.length > 0 || [...downloaded].some((file) => file !== first)) {
      if (downloaded.has(first)) await rm(at(first), { force: true });
      else await rename(at(first), partPath(at(first), first));
    }
    for (const path of stale) await rm(join(folder, path));
    for (const file of files.filter((file) => file !== first && downloaded.has(file)))
      await rename(partPath(at(file), file), at(file));
    if (downloaded.size > 0 || stale.length > 0) await rename(partPath(at(first), first), at(first));
    for (const path of filesIn(folder)) {
      const placed = placeOfPart(path);
      const ofThis = placed !== null && (chosen.includes(placed) || isOfSameModel(placed, chosen));
      if (ofThis) await rm(join(folder, path));
    }
  } catch (error) {
    throw asPlaceError(error, folder);
  }
}
