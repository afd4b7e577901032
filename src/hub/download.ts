import { open, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { cutName, MAX_NAME_BYTES } from '../disk/cut-name.js';
import { makeFolder, statIfThere } from '../disk/folders.js';
import { freeBytes } from '../disk/free-bytes.js';
import { asWriteError } from '../disk/write-errors.js';
import { FlashrowError } from '../errors.js';
import { digestOf } from './file-digest.js';
import { fetchRange, type RemoteFile } from './hub.js';
import type { HubOptions } from './hub-options.js';
import { retrying } from './retry.js';

export interface DownloadOptions {
  hub: HubOptions;
  signal?: AbortSignal;
  /** Called with the bytes of the file that are there. */
  onBytes: (bytes: number) => void;
}

/** The path of a file while it is fetched. Another version of the file has another one. A long name is cut for it. */
export function partPath(destination: string, { digest }: RemoteFile): string {
  const end = `.${digest.hex.slice(0, 12)}.part`;
  return join(dirname(destination), `${cutName(basename(destination), MAX_NAME_BYTES - end.length)}${end}`);
}

/** Bytes that an earlier attempt left at `partPath`. */
export function bytesInPart(destination: string, file: RemoteFile): number {
  return Math.min(statIfThere(partPath(destination, file))?.size ?? 0, file.bytes);
}

/**
 * Fetches a file to `partPath`, goes on where an earlier attempt ended, and compares its digest. Connections that stall
 * or break are tried again. Returns the bytes that came. Throws CORRUPT for a wrong digest, after removing the file.
 * Throws DISK_FULL, NOT_WRITABLE, what `ask` throws or the signal's reason; then the bytes stay for the next attempt.
 */
export async function download(
  repo: string,
  file: RemoteFile,
  destination: string,
  options: DownloadOptions,
): Promise<number> {
  makeFolder(dirname(destination));
  const part = partPath(destination, file);
  const space = { neededBytes: file.bytes - bytesInPart(destination, file), freeBytes: freeBytes(destination) };
  let fetched = 0;
  let before = 0;
  const progressed = () => {
    const more = fetched > before;
    before = fetched;
    return more;
  };
  const onChunk = (bytes: number) => {
    fetched += bytes;
  };
  try {
    do {
      await retrying(() => append(repo, file, part, options, onChunk), options.hub, options.signal, progressed);
    } while (bytesInPart(destination, file) < file.bytes);
  } catch (error) {
    throw asWriteError(error, part, space);
  }
  const found = await digestOf(part, file, { signal: options.signal });
  if (found !== file.digest.hex) {
    await rm(part, { force: true });
    throw new FlashrowError(
      'CORRUPT',
      `${repo}/${file.path} came to the digest ${found}, not ${file.digest.hex}; it was removed, pull again`,
      { path: file.path, expected: file.digest.hex, found },
    );
  }
  return fetched;
}

/** Adds to `part` what one connection brings. Throws IO where nothing came. */
async function append(
  repo: string,
  file: RemoteFile,
  part: string,
  { hub, signal, onBytes }: DownloadOptions,
  onChunk: (bytes: number) => void,
): Promise<void> {
  const handle = await open(part, 'a');
  let came = 0;
  try {
    let at = (await handle.stat()).size;
    if (at > file.bytes) {
      await handle.truncate(0);
      at = 0;
    }
    if (at === file.bytes) return;
    for await (const chunk of fetchRange(repo, file.path, at, file.bytes, hub, signal)) {
      if (at + chunk.length > file.bytes)
        throw new FlashrowError(
          'CORRUPT',
          `${repo}/${file.path} is longer than the ${file.bytes} bytes it was said to have; pull again later`,
          {
            path: file.path,
          },
        );
      for (let done = 0; done < chunk.length; ) done += (await handle.write(chunk, done)).bytesWritten;
      at += chunk.length;
      came += chunk.length;
      onChunk(chunk.length);
      onBytes(at);
    }
    if (came === 0)
      throw new FlashrowError('IO', `${repo}/${file.path}: the connection ended without a byte`, { retry: true });
  } finally {
    await handle.close();
  }
}
