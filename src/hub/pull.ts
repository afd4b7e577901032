import { join } from 'node:path';
import { cacheDirectory } from '../disk/cache-dir.js';
import { lacksSpace, makeFolder } from '../disk/folders.js';
import { freeBytes } from '../disk/free-bytes.js';
import { withScratchFolder } from '../disk/scratch-file.js';
import { FlashrowError } from '../errors.js';
import type { PlanOptions } from '../plan/model-options.js';
import { checkpointOutline, storeOutline } from '../plan/outline.js';
import type { Plan } from '../plan/plan.js';
import { planOutline } from '../plan/plan-outline.js';
import { openSource } from '../store/source.js';
import { findVision } from '../vision/find-vision.js';
import { mmprojsNear } from '../vision/mmproj/mmproj-names.js';
import { chooseFiles, INDEX_FILE } from './choose-files.js';
import { bytesInPart, download } from './download.js';
import { ggufVariants } from './gguf-variants.js';
import { fetchHeaders, fetchStart } from './headers.js';
import { listRepository, type RemoteFile } from './hub.js';
import type { HubOptions } from './hub-options.js';
import { InPlace } from './in-place.js';
import { namesAmong } from './local-models.js';
import { formatModelName, type ModelName, requireModelName } from './model-name.js';
import { place } from './place.js';
import { whileLocked } from './pull-lock.js';
import { modelPath, repoFolder } from './pulled.js';
import { retrying } from './retry.js';
import { checkIndexSize, shardsOf } from './shards.js';

const DEFAULT_REVISION = 'main';

/** The files that a pull would fetch, and the plan of the model under a budget. Nothing has been kept yet. */
export interface PullPlan {
  name: ModelName;
  /** Branch, tag or commit. */
  revision: string;
  /** The model is known by the first one. */
  files: RemoteFile[];
  bytes: number;
  /** The bytes of them that an earlier pull left. */
  bytesAtHand: number;
  inPlace: InPlace;
  plan: Plan;
}

export interface PullResult {
  /** The model's name, as other commands take it. */
  name: string;
  path: string;
  bytes: number;
  /** Bytes that came this time. */
  fetchedBytes: number;
  seconds: number;
}

/**
 * `compare`: the digest of a file that is in place; `headers`: the start of one file; `fetch`: all files of the model.
 * The bytes are of one file for the first two, of the model for the last.
 */
export interface PullProgress {
  stage: 'compare' | 'headers' | 'fetch';
  bytes: number;
  totalBytes: number;
}

export interface PullOptions {
  signal?: AbortSignal;
  onProgress: (progress: PullProgress) => void;
}

/**
 * Looks at a model on a hub: `organization/repository`, or with `:tag`. Fetches headers alone, and reads what is in
 * place already to compare digests.
 * Throws BAD_USAGE, NOT_FOUND, UNSUPPORTED, CORRUPT, DISK_FULL where it would not fit the disk together with what it is
 * converted to, IO, or the signal's reason.
 */
export async function planPull(
  text: string,
  options: PlanOptions,
  at: HubOptions,
  { signal, onProgress }: PullOptions,
): Promise<PullPlan> {
  const asked = requireModelName(text, at.endpoint);
  const hub = { ...at, revision: revisionOf(asked, at) };
  const { files, eyes, name } = await filesOf(asked, hub, signal);
  const folder = repoFolder(cacheDirectory(options.cacheDir), name.repo);
  const inPlace = new InPlace();
  let bytesAtHand = 0;
  const compare = async (file: RemoteFile) => {
    const destination = join(folder, file.path);
    const isThere = await inPlace.has(destination, file, { signal, onBytes: comparing(file, onProgress) });
    bytesAtHand += isThere ? file.bytes : bytesInPart(destination, file);
  };
  for (const file of files) await compare(file);
  const { plan, sees } = await planHeaders(name.repo, files, eyes, options, hub, { signal, onProgress });
  if (eyes && sees) {
    files.push(eyes);
    await compare(eyes);
  }
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  const neededBytes = bytesToWrite({ bytes, bytesAtHand, plan });
  const free = freeBytes(folder);
  if (free < neededBytes) throw lacksSpace(folder, { neededBytes, freeBytes: free });
  return { name, revision: hub.revision, files, bytes, bytesAtHand, inPlace, plan };
}

/**
 * Space that it takes to pull a model and run it once. 0 for a model that is all there: it may be converted already.
 */
export const bytesToWrite = ({ bytes, bytesAtHand, plan }: Pick<PullPlan, 'bytes' | 'bytesAtHand' | 'plan'>): number =>
  bytes === bytesAtHand ? 0 : bytes - bytesAtHand + plan.conversion.bytes;

/** The revision that the address of a model names, else the hub's. Throws BAD_USAGE where both name another one. */
function revisionOf({ revision }: ModelName, hub: HubOptions): string {
  if (revision === undefined || revision === hub.revision) return hub.revision;
  if (hub.revision === DEFAULT_REVISION) return revision;
  throw new FlashrowError(
    'BAD_USAGE',
    `the address names the revision ${revision}, and \`revision\` names ${hub.revision}; leave one out`,
    { option: 'revision', value: hub.revision },
  );
}

/** The files of a model, an mmproj file that goes with them, and its name as other commands take it. */
async function filesOf({ repo, tag, within }: ModelName, hub: HubOptions, signal: AbortSignal | undefined) {
  const list = await retrying(() => listRepository(repo, hub, signal), hub, signal);
  const listed = new Map(list.map((file) => [file.path, file]));
  const paths = chooseFiles(repo, [...listed.keys()], tag, within);
  if (paths.includes(INDEX_FILE)) {
    const index = listed.get(INDEX_FILE)!;
    checkIndexSize(repo, INDEX_FILE, index.bytes);
    const bytes = await fetchStart(repo, index, index.bytes, { hub, signal, onBytes: () => {} });
    paths.push(...shardsOf(repo, INDEX_FILE, bytes, new Set(listed.keys())));
  }
  const variant = ggufVariants([...listed.keys()]).find(({ files }) => files[0] === paths[0]);
  const name: ModelName = { repo, tag: within === undefined ? tag : (variant?.name ?? null) };
  const [eyes] = paths[0].endsWith('.gguf') ? mmprojsNear(paths[0], namesAmong([...listed.keys()])) : [];
  return {
    name,
    files: paths.map((path) => listed.get(path)!),
    eyes: eyes === undefined ? null : listed.get(eyes)!,
  };
}

/** The plan of a model from its headers, and whether the mmproj file is one that is read here. */
async function planHeaders(
  repo: string,
  files: readonly RemoteFile[],
  eyes: RemoteFile | null,
  options: PlanOptions,
  hub: HubOptions,
  { signal, onProgress }: PullOptions,
): Promise<{ plan: Plan; sees: boolean }> {
  return withScratchFolder(cacheDirectory(options.cacheDir), 'headers', async (scratch) => {
    const folder = join(scratch, repo);
    makeFolder(folder);
    try {
      const onBytes = (bytes: number, totalBytes: number) => onProgress({ stage: 'headers', bytes, totalBytes });
      await fetchHeaders(repo, eyes ? [...files, eyes] : files, folder, { hub, signal, onBytes });
      // No forecast: these files are empty where the weights would be. No store is made of them.
      const path = modelPath(folder, files[0].path);
      const source = await openSource(path, scratch);
      const outline = source.kind === 'store' ? storeOutline(source.store) : checkpointOutline(source);
      const vision = options.vision === undefined ? findVision(path, outline.spec) : options.vision;
      return { plan: planOutline(outline, { ...options, vision }).plan, sees: vision !== null };
    } catch (error) {
      throw error instanceof FlashrowError ? asOfHub(error, scratch) : error;
    }
  });
}

/** The same error with files named as the hub names them: the folder they were in is gone when the message is read. */
function asOfHub({ code, message, details }: FlashrowError, scratch: string): FlashrowError {
  const renamed = (text: string) => text.replaceAll(`${scratch}/`, '');
  const entries = Object.entries(details).map(([key, value]) => [
    key,
    typeof value === 'string' ? renamed(value) : value,
  ]);
  return new FlashrowError(code, renamed(message), Object.fromEntries(entries));
}

/**
 * Fetches what `planPull` chose into the cache folder, file by file, and goes on where an earlier pull ended. The files
 * of an earlier revision stay in place until all new ones are there. Throws what `planPull` throws, and BUSY where
 * another process pulls the same model.
 */
export async function pull(
  { name, revision, files, bytes, inPlace }: PullPlan,
  cacheDir: string | undefined,
  at: HubOptions,
  { signal, onProgress }: PullOptions,
): Promise<PullResult> {
  const began = performance.now();
  const hub = { ...at, revision };
  const cache = cacheDirectory(cacheDir);
  const folder = repoFolder(cache, name.repo);
  const fetchedBytes = await whileLocked(cache, name.repo, files[0].path, async () => {
    const downloaded = new Set<RemoteFile>();
    let done = 0;
    let fetched = 0;
    for (const file of files) {
      const destination = join(folder, file.path);
      if (!(await inPlace.has(destination, file, { signal, onBytes: comparing(file, onProgress) }))) {
        const onBytes = (ofFile: number) => onProgress({ stage: 'fetch', bytes: done + ofFile, totalBytes: bytes });
        fetched += await download(name.repo, file, destination, { hub, signal, onBytes });
        downloaded.add(file);
      }
      done += file.bytes;
      onProgress({ stage: 'fetch', bytes: done, totalBytes: bytes });
    }
    await place(folder, files, downloaded);
    return fetched;
  });
  const seconds = (performance.now() - began) / 1000;
  return { name: formatModelName(name), path: modelPath(folder, files[0].path), bytes, fetchedBytes, seconds };
}

const comparing =
  (file: RemoteFile, onProgress: PullOptions['onProgress']) =>
  (bytes: number): void =>
    onProgress({ stage: 'compare', bytes, totalBytes: file.bytes });
