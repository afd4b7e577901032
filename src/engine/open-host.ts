import { createHash } from 'node:crypto';
import type { Bridge, RowStream } from '../../native-bridge/bridge.js';
import { openBridge } from '../../native-bridge/index.js';
import type { ModelInfo } from '../contract/model-info.js';
import type { Progress } from '../contract/progress.js';
import type { Methods } from '../contract/protocol.js';
import { createDenseHalf } from '../dense/create-dense-half.js';
import type { DenseHalf } from '../dense/dense-half.js';
import type { StreamedMatrices } from '../dense/dense-matrix.js';
import { type Disposable, HeldParts } from '../dense/held-parts.js';
import { cacheDirectory } from '../disk/cache-dir.js';
import { FlashrowError } from '../errors.js';
import { prefillChunk } from '../model/prefill-chunk.js';
import type { Allocation } from '../plan/allocation.js';
import { InsufficientMemoryError } from '../plan/insufficient-memory.js';
import { storeOutline } from '../plan/outline.js';
import { planOutline } from '../plan/plan-outline.js';
import { policyName } from '../plan/settings.js';
import { runLog, shareInMemory } from '../plan/speeds/run-speeds.js';
import type { Selector } from '../select/selector.js';
import { checkExternal } from '../store/external.js';
import { openStore, type Store } from '../store/reader.js';
import type { TraceHeader } from '../trace/trace.js';
import { readExpertBiases } from './biases.js';
import { createFeedForward } from './create-feed-forward.js';
import { createSelector } from './create-selector.js';
import { createStream } from './create-stream.js';
import { describeStore } from './describe-model.js';
import { createSpeculation } from './drafts/create-speculation.js';
import { Engine } from './engine.js';
import { rememberUses } from './expert-uses.js';
import type { StreamedFeedForward } from './feed-forward.js';
import { createMixer } from './layer-mixers.js';
import { readHotNeurons } from './load-predictors.js';
import { type MeterSources, Stopwatch } from './meter.js';
import type { Mixer } from './mixer.js';
import { ModelHost } from './model-host.js';
import { ringSchedule } from './ring-schedule.js';
import { Ledger } from './rounds/ledger.js';
import { samplingDefaults } from './sampling-defaults.js';
import type { StateOwner } from './state/state-file.js';
import { MatricesInRing } from './streamed-matrices.js';

/** Bytes that say which pages and which copies a saved state holds; no context has more pages. */
const STATE_BOOKS_BYTES = 1e6;

type Planned = ReturnType<typeof planOutline>;

/** The parts that compute, loaded and in the order of their loading. */
interface LoadedParts {
  bridge: Bridge;
  dense: DenseHalf;
  mixer: Mixer;
  selector: Selector;
  stream: RowStream;
  feedForward: StreamedFeedForward;
  denseTime: Stopwatch;
}

/**
 * Loads a store under its budget. `anonymousBefore`: the process's anonymous bytes before the load, for the receipts.
 * `chunkTokens`: tokens of a prompt that go through a layer together, by default as many as the buffers hold, which is
 * the most. `speculate` says what foretells tokens; tests give another. Throws INSUFFICIENT_MEMORY with the plan,
 * CORRUPT, IO, or ABORTED once `aborted()`. A load that fails leaves nothing behind.
 */
export async function openHost(
  { store: path, options, anonymousBefore }: Methods['open']['args'],
  aborted: () => boolean,
  onEvent: (event: unknown) => void,
  chunkTokens?: number,
  speculate = createSpeculation,
): Promise<ModelHost> {
  const store = openStore(path);
  const planned = planOutline(storeOutline(store), options);
  const { plan, allocation, settings } = planned;
  if (!plan.fits) throw new InsufficientMemoryError(plan);
  const held = new HeldParts();
  try {
    const parts = await loadParts(store, planned, held, aborted, onEvent);
    const { dense, mixer, feedForward, denseTime } = parts;
    const info = infoOf(store, path, planned, parts);
    const log = speedLog(store, planned, info, cacheDirectory(options.cacheDir));
    held.keep({ dispose: log.keep });
    const sources = { ...meterSources(planned, info, parts), onMeasured: log.note, anonymousBefore };
    const ledger = new Ledger(sources);
    return new ModelHost({
      info,
      plan,
      engine: new Engine({
        ...{ spec: store.spec, dense, mixer, feedForward, denseTime, ledger },
        contextSize: settings.contextSize,
        sequences: settings.sequences,
        chunkTokens: Math.min(chunkTokens ?? Number.POSITIVE_INFINITY, prefillChunk(store.spec)),
        checkSource: () => checkExternal(store.manifest.files),
      }),
      feedForward,
      units: planned.allocation.layers.map(({ unit }) => unit),
      speculation: speculate(parts.selector, settings),
      traceHeader: traceHeaderOf(store, info, allocation),
      stateOwner: stateOwnerOf(store, planned, parts),
      ...{ sources, ledger },
      dispose: () => held.dispose(),
    });
  } catch (error) {
    await held.dispose();
    throw error;
  }
}

/** Loads part after part into `held`. Throws ABORTED between two of them, and between two layers. */
async function loadParts(
  store: Store,
  { plan, allocation, settings }: Planned,
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
  return { bridge, dense, mixer, selector, stream, feedForward, denseTime };
}

/** Has the ring read ahead, where the plan has one; gives the matrices of the dense half that pass through it. */
function startRing(stream: RowStream, allocation: Allocation): StreamedMatrices | null {
  const { ring, streamed } = allocation;
  if (ring === null) return null;
  const { pairs, headEntry } = ringSchedule(allocation);
  stream.startRing({ ...ring, schedule: pairs });
  return streamed.length > 0 ? new MatricesInRing(stream, streamed, headEntry) : null;
}

function infoOf(store: Store, path: string, { plan, allocation, settings }: Planned, parts: LoadedParts): ModelInfo {
  const { bridge, selector, stream } = parts;
  return {
    ...describeStore(store),
    path,
    contextSize: settings.contextSize,
    selector: selector.name,
    cachePolicy: policyName(allocation.cache),
    exact: plan.exact,
    kernels: bridge.isa,
    directReads: stream.direct,
    warnings: [...(store.text.warnings ?? []), ...samplingDefaults(store.readGenerationConfig()).warnings],
  };
}

/** The sources of the receipts: the figures of the plan, and the counters of the loaded parts. */
function meterSources(
  { plan, falseNegativeRate }: Planned,
  { selector, exact, cachePolicy, kernels }: ModelInfo,
  { stream, feedForward, denseTime, mixer }: LoadedParts,
): Omit<MeterSources, 'onMeasured' | 'anonymousBefore'> {
  const { budgetBytes, residentBytes, cacheBytes, overheadBytes, scratchBytes, stateFormat } = plan;
  return {
    base: {
      ...{ selector, exact, falseNegativeRate, cachePolicy, kernels },
      ...{ budgetBytes, residentBytes, scratchBytes, cacheBytes, overheadBytes, stateFormat },
    },
    stream,
    cacheCounts: feedForward.counts,
    denseTime,
    stateBytes: () => mixer.bytes,
  };
}

/** Keeps what this model's runs measure, for the forecasts of later plans. */
const speedLog = (store: Store, { plan, settings }: Planned, { kernels }: ModelInfo, cacheDir: string) => {
  const { selector, cachePolicy } = plan;
  return runLog(cacheDir, {
    store: store.path,
    selector,
    cachePolicy,
    cachedShare: shareInMemory(plan),
    kernels,
    threads: settings.threads,
  });
};

/** What a saved state has to fit: weights that are elsewhere, or in other formats, make other states. */
function stateOwnerOf({ manifest }: Store, { plan, settings }: Planned, { bridge }: LoadedParts): StateOwner {
  const { source, resident, layers } = manifest;
  const formats = [resident.map(({ name, format }) => [name, format]), layers.map((layer) => layer.formats)];
  return {
    model: createHash('sha256')
      .update(JSON.stringify([source.digest, source.content, formats]))
      .digest('hex'),
    stateFormat: settings.stateFormat,
    contextSize: settings.contextSize,
    mostBytes: plan.stateBytes / settings.sequences + STATE_BOOKS_BYTES,
    crc32c: (bytes, seed) => bridge.crc32c(bytes, seed),
  };
}

function traceHeaderOf({ spec }: Store, { selector }: ModelInfo, { layers }: Allocation): TraceHeader {
  return {
    model: spec.name,
    selector,
    layers: layers.map(({ unit }) => ({
      units: unit.units,
      unitBytes: Math.round(unit.bundlesPerUnit * unit.bundleBytes),
      slotBytes: unit.slotBytes,
    })),
  };
}
