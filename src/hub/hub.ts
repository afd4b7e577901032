import { HubApiError, listFiles } from '@huggingface/hub';
import { FlashrowError } from '../errors.js';

export interface HubOptions {
  /** Default https://huggingface.co. */
  endpoint: string;
  /** Of a user, for repositories that are not open to all. */
  token: string | null;
  /** Branch, tag or commit. */
  revision: string;
  /** ms without a byte after which a connection is tried anew. */
  stallMs: number;
}

/** A file of a repository, and what its bytes must come to. */
export interface RemoteFile {
  path: string;
  bytes: number;
  /** SHA-256 of the file where it is large; of a small one the SHA-1 that git gives its contents. */
  digest: { algorithm: 'sha256' | 'git-sha1'; hex: string };
}

/** Every file of a model's repository. Throws NOT_FOUND, UNSUPPORTED where it is closed, BAD_USAGE or IO. */
export async function listRepository(repo: string, { endpoint, token, revision }: HubOptions): Promise<RemoteFile[]> {
  const files: RemoteFile[] = [];
  try {
    const entries = listFiles({
      repo,
      revision,
      recursive: true,
      hubUrl: endpoint,
      ...(token !== null && { accessToken: token }),
    });
    for await (const { type, path, size, oid, lfs } of entries) {
      if (type !== 'file') continue;
      // A path becomes one of ours.
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
    throw asHubError(error, repo, endpoint);
  }
  return files;
}

/** A range of a file: bytes `start` up to, not including, `end`. Where the server sends all of it, from the start. */
export async function requestRange(
  repo: string,
  path: string,
  start: number,
  end: number,
  { endpoint, token, revision }: HubOptions,
  signal?: AbortSignal,
): Promise<Response> {
  const url = `${endpoint}/${repo}/resolve/${encodeURIComponent(revision)}/${path.split('/').map(encodeURIComponent).join('/')}`;
  try {
    const response = await fetch(url, {
      headers: { range: `bytes=${start}-${end - 1}`, ...(token !== null && { authorization: `Bearer ${token}` }) },
      signal,
    });
    if (!response.ok) throw new HubApiError(url, response.status);
    return response;
  } catch (error) {
    throw asHubError(error, `${repo}/${path}`, endpoint);
  }
}

/** Failures that waiting may mend are IO with `details.retry`. */
export function asHubError(error: unknown, what: string, endpoint: string): unknown {
  if (error instanceof FlashrowError || (error as Error)?.name === 'AbortError') return error;
  if (error instanceof HubApiError) {
    const { statusCode } = error;
    const details = { what, status: statusCode };
    if (statusCode === 401 || statusCode === 403)
      return new FlashrowError(
        'UNSUPPORTED',
        `${what}: ${endpoint} lets only some users read it; accept its terms there, and give a token (--token, HF_TOKEN)`,
        details,
        { cause: error },
      );
    if (statusCode === 404)
      return new FlashrowError(
        'NOT_FOUND',
        `${what}: there is no such thing at ${endpoint}; check its name and --revision`,
        details,
        {
          cause: error,
        },
      );
    const retry = statusCode >= 500 || statusCode === 429 || statusCode === 408;
    return new FlashrowError(
      'IO',
      `${what}: ${endpoint} answered with status ${statusCode}`,
      { ...details, retry },
      { cause: error },
    );
  }
  const { cause, message } = error as Error;
  const why = cause instanceof Error ? cause.message : message;
  if (error instanceof TypeError && /access token/i.test(message))
    return new FlashrowError('BAD_USAGE', `the token is none of a hub: ${message}`, { option: 'token' });
  return new FlashrowError(
    'IO',
    `${what}: cannot be fetched from ${endpoint}: ${why}`,
    { what, retry: true },
    { cause: error },
  );
}
