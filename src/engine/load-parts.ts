import type { Bridge, RowStream } from '../../native-bridge/bridge.js';
import { openBridge } from '../../native-bridge/index.js';
import type { Progress } from '../contract/progress.js';
import { createDenseHalf } from '../dense/create-dense-half.js';
import type { DenseHalf } from '../dense/dense-half.js';
import type { Disposable, HeldParts } from '../dense/held-parts.js';
import { FlashrowError } from '../errors.js';
import { prefillChunk } from '../model/prefill-chunk.js';
import type { Allocation } from '../plan/allocation.js';
import type { PlannedModel } from '../plan/plan-outline.js';
import type { Selector } from '../select/selector.js';
import { checkExternal } from '../store/external.js';
import type { Store } from '../store/reader.js';
import { readExpertBiases } from './biases.js';
import { createFeedForward } from './create-feed-forward.js';
import { createSelector } from './create-selector.js';
import { createStream } from './create-stream.js';
import { CacheExtension } from './drafts/cache-extension.js';
import { Engine, type EngineParts } from './engine.js';
import { rememberUses } from './expert-uses.js';
import type { StreamedFeedForward } from './feed-forward.js';
import { createMixer } from './layer-mixers.js';
import { readHotNeurons } from './load-predictors.js';
import { Stopwatch } from './meter.js';
import type { Mixer } from './mixer.js';
import { PinnedFeedForward } from './pinned-feed-forward.js';
import { ringSchedule } from './ring-schedule.js';
import { MatricesInRing } from './streamed-matrices.js';

/** The parts that compute, loaded and in the order of their loading. */
export interface LoadedParts {
  bridge: Bridge;
  dense: DenseHalf;
  mixer: Mixer;
  selector: Selector;
  stream: RowStream;
  feedForward: StreamedFeedForward;
  denseTime: Stopwatch;
  /** Slots for the memory of a draft model; null where the cache has no use for it. */
  extension: CacheExtension | null;
}

/** Loads part after part into `held`. Throws ABORTED between two of them, and between two layers. */
export async function loadParts(
  store: Store,
  { plan, allocation, settings }: PlannedModel,
  held: HeldParts,
  aborted: () => boolean,
  onEvent: (event: unknown) => void,
): Promise<LoadedParts> {
  const { spec, tensors } = store;
  const { contextSize, sequences, stateFormat, threads } = settings;
  const maxTokens = prefillChunk(spec);
  const denseTime = new Stopwatch();
  const checkAborted = () => {
    if (aborted()) throw new FlashrowError('ABORTED', 'loading was aborted');
  };
  const keep = <T extends Disposable>(part: T): T => {
    held.keep(part);
    checkAborted();
    return part;
  };
  const onLayer = (layer: number) => {
    checkAborted();
    const progress: Progress = {
      stage: 'load',
      done: (plan.residentBytes * layer) / spec.numLayers,
      total: plan.residentBytes,
      unit: 'bytes',
    };
    onEvent(progress);
  };
  const bridge = keep(openBridge({ threads }));
  const stream = keep(createStream(store, bridge, allocation, settings.direct));
  const streamed = startRing(stream, allocation);
  const dense = keep(await createDenseHalf({ spec, tensors, bridge, streamed, maxTokens, onLayer }));
  onLayer(spec.numLayers);
  const mixer = keep(
    createMixer({
      ...{ spec, tensors, bridge, dense, streamed, contextSize, sequences, stateFormat, maxTokens, denseTime },
    }),
  );
  const selector = keep(createSelector(store, bridge, allocation, maxTokens, settings.trace));
  const hot = allocation.cache.kind === 'hot+lru' ? readHotNeurons(store, bridge) : null;
  const feedForward = createFeedForward(stream, selector, allocation, hot, readExpertBiases(store, bridge));
  // A text needs much the same experts from run to run. Neurons are many, and soon known again.
  if (spec.experts) held.keep({ dispose: rememberUses(store.path, feedForward.caches) });
  const { lent } = allocation;
  const extension =
    lent && feedForward instanceof PinnedFeedForward
      ? new CacheExtension({ ...{ bridge, stream, feedForward }, matrices: streamed, ...{ plan, allocation, lent } })
      : null;
  return { bridge, dense, mixer, selector, stream, feedForward, denseTime, extension };
}

/** Has the ring read ahead, where the plan has one; gives the matrices of the dense half that pass through it. */
function startRing(stream: RowStream, allocation: Allocation): MatricesInRing | null {
  const { ring, streamed } = allocation;
  if (ring === null) return null;
  const { pairs, headEntry } = ringSchedule(allocation);
  stream.startRing({ ...ring, schedule: pairs });
  return streamed.length > 0 ? new MatricesInRing(stream, streamed, headEntry) : null;
}

/** What an engine has beside the parts of a model. */
interface EngineExtras extends Pick<EngineParts, 'ledger' | 'sessions' | 'given' | 'shadow'> {
  /** Tokens that go through a layer together, by default as many as the buffers hold. */
  chunkTokens?: number | undefined;
}

/** Puts the parts to work. */
export function createEngine(
  store: Store,
  { settings }: PlannedModel,
  { dense, mixer, feedForward, denseTime }: LoadedParts,
  { ledger, sessions, given, shadow, chunkTokens }: EngineExtras,
): Engine {
  const { hiddenSize, prediction } = store.spec;
  const tokens = Math.min(chunkTokens ?? Number.POSITIVE_INFINITY, prefillChunk(store.spec));
  return new Engine({
    ...{ spec: store.spec, dense, mixer, feedForward, denseTime, ledger },
    contextSize: settings.contextSize,
    sequences: settings.sequences,
    sessions,
    given,
    shadow,
    chunkTokens: tokens,
    hidden: prediction ? { rows: new Float32Array(tokens * hiddenSize), isOwn: false } : null,
    checkSource: () => checkExternal(store.manifest.files),
  });
}
