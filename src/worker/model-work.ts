import type { ExaminedModel } from '../contract/examined-model.js';
import type { Progress } from '../contract/progress.js';
import type { Methods } from '../contract/protocol.js';
import type { PulledModel } from '../contract/pulled-model.js';
import { cacheDirectory } from '../disk/cache-dir.js';
import { describeCheckpoint, describeStore } from '../engine/describe-model.js';
import { listCached, removeCached } from '../hub/cached-models.js';
import type { HubOptions } from '../hub/hub-options.js';
import { formatModelName } from '../hub/model-name.js';
import { type PullProgress, planPull, pull as pullFiles } from '../hub/pull.js';
import { modelPath, repoFolder } from '../hub/pulled.js';
import { resolveSource } from '../hub/resolve-source.js';
import { EMBEDDING, layerTensor } from '../model/tensor-names.js';
import { planLayout } from '../store/layout.js';
import { isStore, openStore } from '../store/reader.js';
import { openCheckpoint } from '../store/source.js';
import { toShape } from './failure-shape.js';

/*
 * Work on models as wholes: what a source is, and what is in the cache folder. It can be stopped anywhere.
 */

/** What a source is, from its headers. */
export function examine({ source, cacheDir }: Methods['examine']['args']): ExaminedModel {
  const path = resolveSource(source, cacheDir);
  if (isStore(path)) {
    const store = openStore(path);
    return {
      ...describeStore(store),
      path: store.path,
      format: 'store',
      weightFormat: store.layers[0].formats.up,
      bytes: store.bytes + store.manifest.files.reduce((sum, file) => sum + (file.external ? file.bytes : 0), 0),
      streamsInPlace: true,
    };
  }
  const checkpoint = openCheckpoint(path);
  const layout = planLayout(checkpoint);
  return {
    ...describeCheckpoint(checkpoint, layout),
    path: checkpoint.path,
    format: checkpoint.kind,
    weightFormat: (checkpoint.tensors.get(layerTensor(0, 'up')) ?? checkpoint.tensors.get(EMBEDDING)!).format,
    bytes: checkpoint.files.reduce((sum, file) => sum + file.bytes, 0),
    streamsInPlace: layout.files.some(({ source }) => source !== null),
  };
}

export const list = ({ cacheDir }: Methods['list']['args']) => listCached(cacheDir);

export const remove = ({ name, cacheDir }: Methods['remove']['args']) => removeCached(name, cacheDir);

/** Looks at a model on a hub, says what a pull would take, and fetches it unless it is only to look. */
export async function pull(
  { name, options, hub, dryRun }: Methods['pull']['args'],
  signal: AbortSignal,
  onEvent: (event: Methods['pull']['event']) => void,
): Promise<PulledModel> {
  const began = performance.now();
  const asked: HubOptions = {
    ...hub,
    onWait: (failure, ms) => onEvent({ failure: toShape(failure, { isMixture: false, store: null }), ms }),
  };
  const watch = { signal, onProgress: (progress: PullProgress) => onEvent(toProgress(progress)) };
  const planned = await planPull(name, options, asked, watch);
  const { bytes, bytesAtHand, plan } = planned;
  const files = planned.files.map(({ path, bytes }) => ({ path, bytes }));
  const told = { name: formatModelName(planned.name), files, bytes, bytesAtHand, plan };
  onEvent({ planned: told });
  if (!dryRun) return { ...told, ...(await pullFiles(planned, options.cacheDir, asked, watch)) };
  const folder = repoFolder(cacheDirectory(options.cacheDir), planned.name.repo);
  const seconds = (performance.now() - began) / 1000;
  return { ...told, path: modelPath(folder, files[0].path), fetchedBytes: 0, seconds };
}

const STAGES = { compare: 'check', headers: 'headers', fetch: 'fetch' } as const;

const toProgress = ({ stage, bytes, totalBytes }: PullProgress): Progress => ({
  ...{ stage: STAGES[stage], done: bytes, total: totalBytes, unit: 'bytes' },
});
