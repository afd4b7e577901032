import { openBridge } from '../../native-bridge/index.js';
import type { ModelInfo, Progress } from '../contract/api.js';
import type { Methods } from '../contract/protocol.js';
import { createDenseHalf } from '../dense/create.js';
import { FlashrowError } from '../errors.js';
import { prefillChunk } from '../model/prefill-chunk.js';
import { InsufficientMemoryError } from '../plan/insufficient-memory.js';
import { storeOutline } from '../plan/outline.js';
import { planOutline } from '../plan/plan-outline.js';
import { policyName } from '../plan/settings.js';
import type { LayerAllocation } from '../plan/spend.js';
import { checkExternal } from '../store/external.js';
import { openStore } from '../store/reader.js';
import { loadTokenizer } from '../text/bpe-tokenizer.js';
import { createAttention } from './attention.js';
import { readExpertBiases } from './biases.js';
import { ChatPrompts } from './chat-prompts.js';
import { createSelector } from './create-selector.js';
import { createStream } from './create-stream.js';
import { Engine } from './engine.js';
import { rememberUses } from './expert-uses.js';
import { createFeedForward } from './feed-forward.js';
import { readHotNeurons } from './load-predictors.js';
import type { MeterSources } from './meter.js';
import { Stopwatch } from './meter.js';
import { ModelHost } from './model-host.js';
import { samplingDefaults } from './sampling-defaults.js';

/**
 * Loads a store under its budget. Throws INSUFFICIENT_MEMORY with the plan, CORRUPT, IO, or ABORTED once `aborted()`; a failed load leaves nothing behind.
 */
export async function openHost(
  { store: path, options, anonymousBefore }: Methods['open']['args'],
  aborted: () => boolean,
  onEvent: (event: unknown) => void,
): Promise<ModelHost> {
  const store = openStore(path);
  const { plan, allocation, settings, falseNegativeRate } = planOutline(storeOutline(store), options);
  if (!plan.fits) throw new InsufficientMemoryError(plan);
  const { spec } = store;
  const { contextSize, stateFormat, threads } = settings;
  const held: { dispose(): Promise<void> | void }[] = [];
  const keep = <T extends { dispose(): Promise<void> | void }>(part: T): T => {
    held.push(part);
    if (aborted()) throw new FlashrowError('ABORTED', 'loading was aborted');
    return part;
  };
  const onLayer = (layer: number) => {
    if (aborted()) throw new FlashrowError('ABORTED', 'loading was aborted');
    const progress: Progress = {
      stage: 'load',
      bytes: (plan.residentBytes * layer) / spec.numLayers,
      totalBytes: plan.residentBytes,
    };
    onEvent(progress);
  };
  const dispose = async () => {
    for (const part of held.splice(0).reverse()) await part.dispose();
  };
  try {
    const maxTokens = prefillChunk(spec);
    const denseTime = new Stopwatch();
    const tokenizer = loadTokenizer(store.readTokenizer(), store.text);
    const bridge = keep(openBridge({ threads }));
    const dense = keep(await createDenseHalf({ spec, tensors: store.tensors, bridge, threads, maxTokens, onLayer }));
    const mixer = keep(
      createAttention({ spec, tensors: store.tensors, bridge, dense, contextSize, stateFormat, maxTokens, denseTime }),
    );
    const selector = keep(createSelector(store, bridge, allocation, maxTokens, settings.trace));
    const stream = keep(createStream(store, bridge, allocation, settings.direct));
    const feedForward = createFeedForward(
      stream,
      selector,
      allocation,
      allocation.cache.kind === 'hot+lru' ? readHotNeurons(store, bridge) : null,
      readExpertBiases(store, bridge),
    );
    // Which experts a text needs is much the same from run to run; neurons are many, and soon known again.
    if (spec.experts) held.push({ dispose: rememberUses(store.path, feedForward.caches) });
    const engine = new Engine({
      spec,
      dense,
      mixer,
      feedForward,
      contextSize,
      chunkTokens: maxTokens,
      denseTime,
      checkSource: () => checkExternal(store.manifest.files),
      aborted,
    });
    const info: ModelInfo = {
      spec,
      path,
      contextSize,
      selector: selector.name,
      cachePolicy: policyName(allocation.cache),
      exact: selector.exact,
      kernels: bridge.isa,
      samplingDefaults: samplingDefaults(store.readGenerationConfig()),
      directReads: stream.direct,
    };
    const sources: MeterSources = {
      base: {
        selector: selector.name,
        exact: selector.exact,
        falseNegativeRate,
        cachePolicy: info.cachePolicy,
        kernels: bridge.isa,
        budgetBytes: plan.budgetBytes,
        residentBytes: plan.residentBytes,
        cacheBytes: plan.cacheBytes,
        overheadBytes: plan.overheadBytes,
      },
      stream,
      cacheCounts: feedForward.counts,
      denseTime,
      stateBytes: () => mixer.bytes,
      scratchBytes: plan.scratchBytes,
      anonymousBefore,
    };
    const traceHeader = { model: spec.name, selector: selector.name, layers: allocation.layers.map(traceLayer) };
    const chatPrompts = new ChatPrompts(tokenizer, () => store.readChatTemplate());
    return new ModelHost({
      info,
      plan,
      engine,
      feedForward,
      traceHeader,
      tokenizer,
      chatPrompts,
      sources,
      aborted,
      dispose,
    });
  } catch (error) {
    await dispose();
    throw error;
  }
}

const traceLayer = ({ unit }: LayerAllocation) => ({
  units: unit.units,
  unitBytes: unit.bundlesPerUnit * unit.bundleBytes,
  slotBytes: unit.slotBytes,
});
