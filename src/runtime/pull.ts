import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FlashrowError } from '../errors.js';
import { chooseFiles } from '../hub/choose-files.js';
import { bytesAtHand, download } from '../hub/download.js';
import { fetchHeaders } from '../hub/headers.js';
import { type HubOptions, listRepository, type RemoteFile } from '../hub/hub.js';
import { formatModelName, type ModelName, parseModelName } from '../hub/model-name.js';
import { pulledPath, repoFolder } from '../hub/pulled.js';
import type { Plan } from '../plan/plan.js';
import { cacheDirectory } from '../store/cache-dir.js';
import { openSource } from '../store/source.js';
import { freeBytes } from '../store/work-folder.js';
import { diskFull } from '../store/write-errors.js';
import type { ModelOptions } from './api.js';
import { checkpointOutline, storeOutline } from './outline.js';
import { planOutline } from './plan-outline.js';

/** What a pull would fetch, and what a budget would buy of it; nothing has been kept yet. */
export interface PullPlan {
  name: ModelName;
  files: RemoteFile[];
  bytes: number;
  /** Of those, what an earlier pull left. */
  bytesAtHand: number;
  plan: Plan;
}

export interface PullResult {
  /** As it goes into other commands. */
  name: string;
  path: string;
  bytes: number;
  /** Over the network, this time. */
  fetchedBytes: number;
  seconds: number;
}

/**
 * Looks at a model on a hub: `organization/repository`, or with `:tag`. Reads headers alone.
 * Throws BAD_USAGE, NOT_FOUND, UNSUPPORTED, CORRUPT, DISK_FULL where it would not fit the disk, IO, or the signal's reason.
 */
export async function planPull(
  text: string,
  options: ModelOptions,
  hub: HubOptions,
  signal?: AbortSignal,
): Promise<PullPlan> {
  const name = parseModelName(text);
  if (!name)
    throw new FlashrowError(
      'BAD_USAGE',
      `a model on a hub is called organization/repository, or organization/repository:tag, not ${text}`,
      {
        value: text,
      },
    );
  const listed = new Map((await listRepository(name.repo, hub)).map((file) => [file.path, file]));
  const files = chooseFiles(name.repo, [...listed.keys()], name.tag).map((path) => listed.get(path)!);
  const folder = repoFolder(cacheDirectory(options.cacheDir), name.repo);
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  const atHand = files.reduce((sum, file) => sum + bytesAtHand(join(folder, file.path), file), 0);
  const space = { neededBytes: bytes - atHand, freeBytes: freeBytes(folder) };
  if (space.freeBytes < space.neededBytes) throw diskFull(folder, space);
  return { name, files, bytes, bytesAtHand: atHand, plan: await planHeaders(name.repo, files, options, hub, signal) };
}

async function planHeaders(
  repo: string,
  files: readonly RemoteFile[],
  options: ModelOptions,
  hub: HubOptions,
  signal: AbortSignal | undefined,
): Promise<Plan> {
  const folder = mkdtempSync(join(tmpdir(), 'flashrow-headers-'));
  try {
    await fetchHeaders(repo, files, folder, hub, signal);
    const [first] = files;
    const path = first.path.endsWith('.gguf') ? join(folder, first.path) : folder;
    // No forecast: these files are empty where there would be something to read.
    const source = openSource(path, cacheDirectory(options.cacheDir));
    return planOutline(source.kind === 'store' ? storeOutline(source.store) : checkpointOutline(source), options).plan;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Fetches what `planPull` chose into the cache folder, file by file, going on where an earlier pull ended. Throws as it does. */
export async function pull(
  { name, files, bytes }: PullPlan,
  cacheDir: string | undefined,
  hub: HubOptions,
  { signal, onProgress }: { signal?: AbortSignal; onProgress: (bytes: number, totalBytes: number) => void },
): Promise<PullResult> {
  const began = performance.now();
  const cache = cacheDirectory(cacheDir);
  const folder = repoFolder(cache, name.repo);
  let done = 0;
  let fetchedBytes = 0;
  for (const file of files) {
    const onBytes = (ofFile: number) => onProgress(done + ofFile, bytes);
    fetchedBytes += await download(name.repo, file, join(folder, file.path), { hub, signal, onBytes });
    done += file.bytes;
    onProgress(done, bytes);
  }
  const seconds = (performance.now() - began) / 1000;
  return { name: formatModelName(name), path: pulledPath(cache, name)!, bytes, fetchedBytes, seconds };
}
