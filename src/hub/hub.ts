import { buffer } from 'node:stream/consumers';
import { FlashrowError } from '../errors.js';
import { connectionError } from './hub-errors.js';
import type { HubOptions } from './hub-options.js';
import { ask } from './request.js';

/** A file of a repository, and the digest that its bytes must have. */
export interface RemoteFile {
  path: string;
  bytes: number;
  /** A large file has a SHA-256 of its bytes, a small one the SHA-1 that git gives its contents. */
  digest: { algorithm: 'sha256' | 'git-sha1'; hex: string };
}

/**
 * Every file of a model's repository. Throws as `ask` does, CORRUPT for a listing that cannot be, or the signal's
 * reason.
 */
export async function listRepository(repo: string, hub: HubOptions, signal?: AbortSignal): Promise<RemoteFile[]> {
  const files: RemoteFile[] = [];
  try {
    // Every thread would load its modules, and most never ask a hub.
    const { listFiles } = await import('#hugging-face-hub');
    const entries = listFiles({
      repo,
      revision: encodeURIComponent(hub.revision),
      recursive: true,
      hubUrl: hub.endpoint,
      fetch: async (url) => {
        const { status, headers, chunks } = await ask(String(url), repo, { accept: 'application/json' }, hub, signal);
        return new Response(await buffer(chunks), { status, headers });
      },
    });
    for await (const { type, path, size, oid, lfs } of entries) {
      if (type !== 'file') continue;
      // The path becomes a path on this machine.
      if (path.split('/').some((part) => part === '' || part === '.' || part === '..' || part.includes('\\')))
        throw new FlashrowError('CORRUPT', `${repo} lists a file ${JSON.stringify(path)}, which is no path inside it`, {
          repo,
        });
      files.push({
        path,
        bytes: lfs?.size ?? size,
        digest: lfs ? { algorithm: 'sha256', hex: lfs.oid } : { algorithm: 'git-sha1', hex: oid ?? '' },
      });
    }
  } catch (error) {
    throw connectionError(error, repo, hub.endpoint);
  }
  return files;
}

/**
 * Bytes of a file from `start` up to, not including, `end`, as they come. A server that knows no ranges sends the whole
 * file: then the bytes before `start` are passed over, and those from `end` on come too. Throws as `ask` does, or the
 * signal's reason.
 */
export async function* fetchRange(
  repo: string,
  path: string,
  start: number,
  end: number,
  hub: HubOptions,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  const inside = path.split('/').map(encodeURIComponent).join('/');
  const url = `${hub.endpoint}/${repo}/resolve/${encodeURIComponent(hub.revision)}/${inside}`;
  const { status, chunks } = await ask(url, `${repo}/${path}`, { range: `bytes=${start}-${end - 1}` }, hub, signal);
  let at = status === 206 ? start : 0;
  for await (const chunk of chunks) {
    const wanted = chunk.subarray(Math.max(0, start - at));
    at += chunk.length;
    if (wanted.length > 0) yield wanted;
  }
}
