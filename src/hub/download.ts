import { createHash } from 'node:crypto';
import { createReadStream, existsSync, mkdirSync, statSync } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { FlashrowError } from '../errors.js';
import { asHubError, type HubOptions, type RemoteFile, requestRange } from './hub.js';
import { retrying } from './retry.js';

export interface DownloadOptions {
  hub: HubOptions;
  signal?: AbortSignal;
  /** Bytes of the file that are there. */
  onBytes: (bytes: number) => void;
}

/** What is there of a file before it is whole; of another version of it, nothing. */
export const partPath = (destination: string, { digest }: RemoteFile): string =>
  `${destination}.${digest.hex.slice(0, 12)}.part`;

/** Bytes that need not be fetched any more. */
export function bytesAtHand(destination: string, file: RemoteFile): number {
  if (existsSync(destination) && statSync(destination).size === file.bytes) return file.bytes;
  const part = statSync(partPath(destination, file), { throwIfNoEntry: false });
  return Math.min(part?.size ?? 0, file.bytes);
}

/**
 * Fetches a file, going on where an earlier attempt ended, and puts it in its place once its digest is right. Connections that stall or break are tried
 * anew. Returns the bytes that came over the network. Throws CORRUPT for a wrong digest, after removing what there is; IO, NOT_FOUND,
 * UNSUPPORTED or the signal's reason, and what there is stays for the next time.
 */
export async function download(
  repo: string,
  file: RemoteFile,
  destination: string,
  options: DownloadOptions,
): Promise<number> {
  if (existsSync(destination) && statSync(destination).size === file.bytes) return 0;
  mkdirSync(dirname(destination), { recursive: true });
  const part = partPath(destination, file);
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
  do {
    await retrying(() => append(repo, file, part, options, onChunk), options.signal, progressed);
  } while (bytesAtHand(destination, file) < file.bytes);
  const found = await digestOf(part, file, options.signal);
  if (found !== file.digest.hex) {
    await rm(part, { force: true });
    throw new FlashrowError(
      'CORRUPT',
      `${repo}/${file.path} came to the digest ${found}, not ${file.digest.hex}; it was removed, pull again`,
      { path: file.path, expected: file.digest.hex, found },
    );
  }
  await rename(part, destination);
  return fetched;
}

/** One connection's worth, added to `part`. Throws IO where nothing came. */
async function append(
  repo: string,
  file: RemoteFile,
  part: string,
  { hub, signal, onBytes }: DownloadOptions,
  onChunk: (bytes: number) => void,
): Promise<void> {
  const handle = await open(part, 'a');
  let came = 0;
  const stalled = new AbortController();
  let timer = setTimeout(() => stalled.abort(), hub.stallMs);
  try {
    let at = (await handle.stat()).size;
    if (at > file.bytes) {
      await handle.truncate(0);
      at = 0;
    }
    if (at === file.bytes) return;
    const either = AbortSignal.any([stalled.signal, ...(signal ? [signal] : [])]);
    const response = await requestRange(repo, file.path, at, file.bytes, hub, either);
    if (at > 0 && response.status !== 206) {
      // It sends all of it again.
      await handle.truncate(0);
      at = 0;
    }
    for await (const chunk of response.body ?? []) {
      clearTimeout(timer);
      timer = setTimeout(() => stalled.abort(), hub.stallMs);
      if (at + chunk.length > file.bytes)
        throw new FlashrowError(
          'CORRUPT',
          `${repo}/${file.path} is longer than the ${file.bytes} bytes it was said to have; pull again later`,
          {
            path: file.path,
          },
        );
      await handle.write(chunk);
      at += chunk.length;
      came += chunk.length;
      onChunk(chunk.length);
      onBytes(at);
    }
    if (came === 0)
      throw new FlashrowError('IO', `${repo}/${file.path}: the connection ended without a byte`, { retry: true });
  } catch (error) {
    throw stalled.signal.aborted
      ? new FlashrowError('IO', `${repo}/${file.path}: nothing came for ${hub.stallMs / 1000} s`, { retry: true })
      : asHubError(error, `${repo}/${file.path}`, hub.endpoint);
  } finally {
    clearTimeout(timer);
    await handle.close();
  }
}

async function digestOf(path: string, { digest, bytes }: RemoteFile, signal: AbortSignal | undefined): Promise<string> {
  const hash = createHash(digest.algorithm === 'sha256' ? 'sha256' : 'sha1');
  // https://git-scm.com/book/en/v2/Git-Internals-Git-Objects
  if (digest.algorithm === 'git-sha1') hash.update(`blob ${bytes}\0`);
  for await (const chunk of createReadStream(path, { signal })) hash.update(chunk);
  return hash.digest('hex');
}
