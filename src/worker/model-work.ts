import type { ExaminedModel } from '../contract/examined-model.js';
import type { Progress } from '../contract/progress.js';
import type { HubSettings, Methods } from '../contract/protocol.js';
import type { PlannedPull, PulledModel } from '../contract/pulled-model.js';
import { cacheDirectory } from '../disk/cache-dir.js';
import { describeCheckpoint, describeStore } from '../engine/describe-model.js';
import { listCached, removeCached } from '../hub/cached-models.js';
import type { HubOptions } from '../hub/hub-options.js';
import { formatModelName } from '../hub/model-name.js';
import { type PullPlan, type PullProgress, planPull as planFiles, pull as pullFiles } from '../hub/pull.js';
import { modelPath, repoFolder } from '../hub/pulled.js';
import { resolveSource } from '../hub/resolve-source.js';
import { EMBEDDING, layerTensor } from '../model/tensor-names.js';
import { planLayout } from '../store/layout.js';
import { isStore, openStore } from '../store/reader.js';
import { openCheckpoint } from '../store/source.js';
import type { Replay } from '../trace/replay.js';
import { findVision } from '../vision/find-vision.js';
import { openVision } from '../vision/open-vision.js';
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
  const layout = planLayout(checkpoint, { inPlace: true });
  const described = describeCheckpoint(checkpoint, layout);
  return {
    ...described,
    chatTemplate: described.chatTemplate ?? templateOfEyes(path),
    path: checkpoint.path,
    format: checkpoint.kind,
    weightFormat: (checkpoint.tensors.get(layerTensor(0, 'up')) ?? checkpoint.tensors.get(EMBEDDING)!).format,
    bytes: checkpoint.files.reduce((sum, file) => sum + file.bytes, 0),
    streamsInPlace: layout.files.some(({ source }) => source !== null),
  };
}

/** The template that a model's eyes bring; null without any, and where they could not be opened: a load tells why. */
function templateOfEyes(path: string): string | null {
  try {
    const eyes = findVision(path, null);
    return (eyes && openVision(eyes).chatTemplate) ?? null;
  } catch {
    return null;
  }
}

export const list = ({ cacheDir }: Methods['list']['args']) => listCached(cacheDir);

export const remove = ({ name, cacheDir }: Methods['remove']['args']) => removeCached(name, cacheDir);

type OnPullEvent = (event: Methods['pull']['event']) => void;

/** What `pull` is to fetch: the files that the last call of `planPull` found. */
let planned: { pull: PullPlan; told: PlannedPull; args: Methods['planPull']['args'] } | null = null;

/** Looks at a model on a hub, and says what a pull would take. */
export async function planPull(
  args: Methods['planPull']['args'],
  signal: AbortSignal,
  onEvent: OnPullEvent,
): Promise<Methods['planPull']['result']> {
  const pull = await planFiles(args.name, args.options, toHub(args.hub, onEvent), watching(signal, onEvent));
  const { bytes, bytesAtHand, plan } = pull;
  const files = pull.files.map(({ path, bytes }) => ({ path, bytes }));
  const told = { name: formatModelName(pull.name), files, bytes, bytesAtHand, plan };
  planned = { pull, told, args };
  const folder = repoFolder(cacheDirectory(args.options.cacheDir), pull.name.repo);
  return { ...told, path: modelPath(folder, files[0].path) };
}

export async function pull(signal: AbortSignal, onEvent: OnPullEvent): Promise<PulledModel> {
  const { pull, told, args } = planned!;
  return {
    ...told,
    ...(await pullFiles(pull, args.options.cacheDir, toHub(args.hub, onEvent), watching(signal, onEvent))),
  };
}

const toHub = (hub: HubSettings, onEvent: OnPullEvent): HubOptions => ({
  ...hub,
  onWait: (failure, ms) => onEvent({ failure: toShape(failure, { isMixture: false, store: null }), ms }),
});

const watching = (signal: AbortSignal, onEvent: OnPullEvent) => ({
  signal,
  onProgress: (progress: PullProgress) => onEvent(toProgress(progress)),
});

const STAGES = { compare: 'check', headers: 'headers', fetch: 'fetch' } as const;

const toProgress = ({ stage, bytes, totalBytes }: PullProgress): Progress => ({
  ...{ stage: STAGES[stage], done: bytes, total: totalBytes, unit: 'bytes' },
});

/** What caches of one size would have read for a trace. */
export async function replay({ trace, memoryBytes, cold }: Methods['replay']['args']): Promise<Replay> {
  const [{ readTrace }, { traceOf }, { replay: replayed }] = await Promise.all([
    import('../trace/trace-reader.js'),
    import('../trace/recorded.js'),
    import('../trace/replay.js'),
  ]);
  const given = typeof trace === 'string' ? readTrace(trace) : traceOf(trace);
  return replayed(given, { memoryBytes, cold });
}
