import { createHash } from 'node:crypto';
import type { ModelInfo, VisionInfo } from '../contract/model-info.js';
import type { Methods } from '../contract/protocol.js';
import { HeldParts } from '../dense/held-parts.js';
import { cacheDirectory } from '../disk/cache-dir.js';
import type { Allocation } from '../plan/allocation.js';
import { InsufficientMemoryError } from '../plan/insufficient-memory.js';
import { memoryLeft } from '../plan/memory-left.js';
import { storeOutline } from '../plan/outline.js';
import { planOutline } from '../plan/plan-outline.js';
import { policyName } from '../plan/settings.js';
import { runLog, shareInMemory, weightBytes } from '../plan/speeds/run-speeds.js';
import { openStore, type Store } from '../store/reader.js';
import type { TraceHeader } from '../trace/trace.js';
import { openVision } from '../vision/open-vision.js';
import { embeddingBytes, withEyes } from '../vision/vision-bytes.js';
import type { ImageToken, VisionModel } from '../vision/vision-model.js';
import { describeStore } from './describe-model.js';
import { createSpeculation, mostInPass } from './drafts/create-speculation.js';
import { HeldDraft } from './drafts/held-draft.js';
import { openDraft } from './drafts/load-draft.js';
import { holdShadow } from './drafts/self/held-shadow.js';
import { createEngine, type LoadedParts, loadParts } from './load-parts.js';
import type { MeterSources } from './meter.js';
import { ModelHost } from './model-host.js';
import { Pictures } from './pictures/pictures.js';
import { Ledger } from './rounds/ledger.js';
import { samplingDefaults } from './sampling-defaults.js';
import { type SessionSettings, Sessions } from './state/sessions.js';
import type { StateOwner } from './state/state-file.js';

/** Bytes that say which pages and which copies a saved state holds; no context has more pages. */
const STATE_BOOKS_BYTES = 1e6;

type Planned = ReturnType<typeof planOutline>;
/**
 * `sessions`: where conversations go that leave memory; they are forgotten without. `image`: the token that pictures
 * take the place of.
 */
type OpenArguments = Omit<Methods['open']['args'], 'sessions' | 'image'> & {
  sessions?: SessionSettings | null;
  image?: ImageToken | null;
};

/**
 * Loads a store under its budget. `anonymousBefore`: the process's anonymous bytes before the load, for the receipts.
 * `chunkTokens`: tokens of a prompt that go through a layer together, by default as many as the buffers hold, which is
 * the most. `speculate` says what foretells tokens; tests give another. Throws INSUFFICIENT_MEMORY with the plan,
 * CORRUPT, NOT_WRITABLE, IO, or ABORTED once `aborted()`. A load that fails leaves nothing behind.
 */
export async function openHost(
  { store: path, options, anonymousBefore, sessions, image }: OpenArguments,
  aborted: () => boolean,
  onEvent: (event: unknown) => void,
  chunkTokens?: number,
  speculate = createSpeculation,
): Promise<ModelHost> {
  const vision = options.vision
    ? openVision(options.vision, (token) => (image?.token === token ? image.id : null))
    : null;
  const store = openStore(path);
  if (vision) store.spec = withEyes(store.spec, vision);
  const draft = openDraft(options);
  const planned = planOutline(storeOutline(store), options, memoryLeft(), draft?.need ?? null);
  const { plan, allocation, settings } = planned;
  if (!plan.fits) throw new InsufficientMemoryError(plan);
  const held = new HeldParts();
  try {
    const parts = await loadParts(store, planned, held, aborted, onEvent);
    const { vocabSize } = store.spec;
    const { bridge, extension } = parts;
    const shadow = holdShadow(bridge, store, planned, extension);
    if (shadow) held.keep(shadow);
    const drafting =
      draft && held.keep(await HeldDraft.load({ opened: draft, options, plan, vocabSize, extension }, aborted));
    const described = infoOf(store, path, planned, parts);
    const info = {
      ...described,
      // That of the eyes is used where the model's folder has none.
      chatTemplate: described.chatTemplate ?? vision?.chatTemplate ?? null,
      vision: vision && visionInfo(options.vision!, vision),
    };
    const tokens = settings.sequences * settings.contextSize;
    const pictures = vision && new Pictures(vision, parts.bridge, embeddingBytes(tokens, vision));
    const log = speedLog(store, planned, info, cacheDirectory(options.cacheDir));
    held.keep({ dispose: log.keep });
    const draftMemory = () => extension?.memory ?? plan;
    const sources = { ...meterSources(planned, info, parts), draftMemory, onMeasured: log.note, anonymousBefore };
    const ledger = new Ledger(sources);
    const stateOwner = stateOwnerOf(store, planned, parts);
    const engine = createEngine(store, planned, parts, {
      ledger,
      chunkTokens,
      given: pictures?.given ?? null,
      shadow,
      sessions: sessions ? new Sessions(sessions, stateOwner) : null,
    });
    // Where a text is sure enough, it gets its memory back.
    if (shadow && shadow.rentShare > 0) await shadow.giveBack();
    return new ModelHost({
      info,
      plan,
      engine,
      ...{ pictures, feedForward: parts.feedForward },
      units: planned.allocation.layers.map(({ unit }) => unit),
      mostInPass: mostInPass(parts.selector, store.spec, engine),
      speculation: speculate(parts.selector, settings, store.spec, {
        drafting,
        shadow,
        takesOthers: engine.takesOthers,
      }),
      traceHeader: traceHeaderOf(store, info, allocation),
      ...{ stateOwner, sources, ledger },
      dispose: () => held.dispose(),
    });
  } catch (error) {
    await held.dispose();
    throw error;
  }
}

const visionInfo = (path: string, { marker, mostTokens, writesBoxes, regions }: VisionModel): VisionInfo => ({
  ...{ path, marker, mostTokens },
  boxes: writesBoxes === true,
  regions: regions !== undefined,
});

function infoOf(
  store: Store,
  path: string,
  { plan, allocation, settings }: Planned,
  parts: LoadedParts,
): Omit<ModelInfo, 'vision'> {
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
  { selector, exact, cachePolicy, kernels }: Omit<ModelInfo, 'vision'>,
  { stream, feedForward, denseTime, mixer }: LoadedParts,
): Omit<MeterSources, 'draftMemory' | 'onMeasured' | 'anonymousBefore'> {
  const { budgetBytes, residentBytes, overheadBytes, scratchBytes, stateFormat } = plan;
  return {
    base: {
      ...{ selector, exact, falseNegativeRate, cachePolicy, kernels },
      ...{ budgetBytes, residentBytes, scratchBytes, overheadBytes, stateFormat },
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
    memoryBytes: weightBytes(plan),
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
