import type { Bridge, MatrixSource, ResidentMatrix, RowStream, StreamLayer } from '../../native-bridge/bridge.js';
import { openBridge } from '../../native-bridge/index.js';
import type { TraceHeader } from '../cache/trace.js';
import { TraceWriter } from '../cache/trace-writer.js';
import { createDenseHalf } from '../dense/create.js';
import { FlashrowError } from '../errors.js';
import { prefillChunk } from '../model/prefill-chunk.js';
import type { Allocation, LayerAllocation } from '../plan/allocate.js';
import { InsufficientMemoryError } from '../plan/insufficient-memory.js';
import { READ_THREADS } from '../plan/overhead.js';
import type { Plan } from '../plan/plan.js';
import { selectAll } from '../select/all.js';
import { selectByGate } from '../select/gate.js';
import type { Selector } from '../select/selector.js';
import type { LayerBundles } from '../store/manifest.js';
import { openStore, type Store } from '../store/reader.js';
import { loadTokenizer } from '../text/load.js';
import type { Tokenizer } from '../text/tokenizer.js';
import type { EvaluationResult, GenerationResult, ModelInfo, Progress } from './api.js';
import { createAttention } from './attention.js';
import { Engine } from './engine.js';
import { createFeedForward, type FeedForward } from './feed-forward.js';
import { checkIds, checkPrompt, generate } from './generate.js';
import { Meter, type MeterSources } from './meter.js';
import { policyName } from './options.js';
import { storeOutline } from './outline.js';
import { planOutline } from './plan-outline.js';
import type { Methods } from './protocol.js';
import { negativeLogLikelihood, scoreTop } from './score.js';
import { Stopwatch } from './stopwatch.js';

/** Wanted records this close together are cheaper to read through than to ask for one by one. */
const MERGE_GAP_BYTES = 16 * 1024;

type Arguments<M extends keyof Methods> = Methods[M]['args'];
type OnEvent = (event: unknown) => void;

/**
 * Loads a store under its budget. Throws INSUFFICIENT_MEMORY with the plan, CORRUPT, IO, or ABORTED once `aborted()`; a failed load leaves nothing behind.
 */
export async function openHost(
  { store: path, options, anonymousBefore }: Arguments<'open'>,
  aborted: () => boolean,
  onEvent: OnEvent,
): Promise<ModelHost> {
  const store = openStore(path);
  const { plan, allocation, settings } = planOutline(storeOutline(store), options);
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
    const mixer = keep(createAttention({ spec, bridge, dense, contextSize, stateFormat, maxTokens, denseTime }));
    const selector = keep(createSelector(store, bridge, allocation, maxTokens));
    const stream = keep(createStream(store, bridge, allocation, settings.direct));
    const feedForward = createFeedForward(stream, selector, allocation);
    const engine = new Engine({
      spec,
      dense,
      mixer,
      feedForward,
      contextSize,
      chunkTokens: maxTokens,
      denseTime,
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
      directReads: stream.direct,
    };
    const sources: MeterSources = {
      base: {
        selector: selector.name,
        exact: selector.exact,
        falseNegativeRate: null,
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
    return new ModelHost({ info, plan, engine, feedForward, traceHeader, tokenizer, sources, aborted, dispose });
  } catch (error) {
    await dispose();
    throw error;
  }
}

function createSelector(store: Store, bridge: Bridge, { selector, layers }: Allocation, maxTokens: number): Selector {
  if (selector === 'all') return selectAll(layers.map(({ unit }) => unit.units));
  const matrices: ResidentMatrix[] = [];
  try {
    for (const [index, layer] of store.layers.entries()) {
      const part = residentPart(store, layer);
      matrices.push(bridge.loadMatrix(part));
      checkPart(matrices[index], part, index, layer);
    }
    return selectByGate({ matrices, neuronsPerUnit: store.layers.map((layer) => layer.neuronsPerBundle), maxTokens });
  } catch (error) {
    for (const matrix of matrices) matrix.dispose();
    throw error;
  }
}

/** The first part of every bundle of a by-neuron layer, as one matrix [numNeurons, hiddenSize]. */
function residentPart(store: Store, layer: LayerBundles): MatrixSource {
  const { hiddenSize, numNeurons, neuronsPerBundle, formats, extents } = layer;
  if (neuronsPerBundle !== 1)
    throw new FlashrowError('UNSUPPORTED', 'the gate selector needs bundles of one neuron; convert the model again', {
      neuronsPerBundle,
    });
  const format = formats.gate ?? formats.up;
  const { file, offset, stride } = extents[0];
  return {
    path: store.files[file],
    offset,
    rowStride: stride,
    rows: numNeurons,
    columns: hiddenSize,
    format,
  };
}

/** Compares what was read with the first checksum of each bundle. Throws CORRUPT. */
function checkPart(
  matrix: ResidentMatrix,
  { path, offset, rowStride }: MatrixSource,
  layer: number,
  { checksums, segments }: LayerBundles,
): void {
  for (let bundle = 0; bundle < matrix.rows; bundle++) {
    if (matrix.checksum(bundle, 1) === checksums[bundle * segments.length]) continue;
    const at = offset + bundle * rowStride;
    const message = `${path} is damaged at ${at} (layer ${layer}, bundle ${bundle}); convert the model again`;
    throw new FlashrowError('CORRUPT', message, { path, offset: at, layer, bundle });
  }
}

function createStream(store: Store, bridge: Bridge, { layers, arenaBytes }: Allocation, direct: boolean): RowStream {
  const streamLayers: StreamLayer[] = store.layers.map((layer, i) => ({
    ...layer,
    bundlesPerUnit: layers[i].unit.bundlesPerUnit,
    given: layers[i].unit.given,
    arenaOffset: layers[i].arenaOffset,
    slots: layers[i].slots,
  }));
  return bridge.createStream({
    paths: store.files,
    arenaBytes,
    readThreads: READ_THREADS,
    direct,
    mergeGapBytes: MERGE_GAP_BYTES,
    layers: streamLayers,
  });
}

const traceLayer = ({ unit }: LayerAllocation) => ({
  units: unit.units,
  unitBytes: unit.bundlesPerUnit * unit.bundleBytes,
  slotBytes: unit.slotBytes,
});

interface HostParts {
  info: ModelInfo;
  plan: Plan;
  engine: Engine;
  feedForward: FeedForward;
  traceHeader: TraceHeader;
  tokenizer: Tokenizer;
  sources: MeterSources;
  aborted: () => boolean;
  dispose: () => Promise<void>;
}

/** A loaded model inside its worker: one call at a time. */
export class ModelHost {
  readonly info: ModelInfo;
  readonly plan: Plan;

  constructor(private readonly parts: HostParts) {
    this.info = parts.info;
    this.plan = parts.plan;
  }

  async generate({ prompt, settings }: Arguments<'generate'>, onEvent: OnEvent): Promise<GenerationResult> {
    const { engine, feedForward, traceHeader, tokenizer, sources, aborted } = this.parts;
    const { contextSize, spec } = this.info;
    const ids =
      typeof prompt === 'string'
        ? tokenizer.encode(prompt, { addBos: tokenizer.addBos, addEos: false, parseSpecial: false })
        : prompt;
    const trace = settings.trace === null ? null : new TraceWriter(settings.trace, traceHeader);
    feedForward.trace = trace;
    try {
      return await generate(ids, settings, {
        engine,
        tokenizer,
        meter: new Meter(sources),
        vocabSize: spec.vocabSize,
        contextSize,
        aborted,
        onPrefill: (done, total) => {
          if (done === total) trace?.endPrompt();
          onEvent({ done, total });
        },
        onPiece: onEvent,
      });
    } finally {
      feedForward.trace = null;
      trace?.close();
    }
  }

  tokenize({ text, special }: Arguments<'tokenize'>): number[] {
    const { tokenizer } = this.parts;
    if (typeof text !== 'string')
      throw new FlashrowError('BAD_USAGE', 'a text to tokenize is a string', { option: 'text' });
    return tokenizer.encode(text, {
      addBos: special && tokenizer.addBos,
      addEos: special && tokenizer.addEos,
      parseSpecial: special,
    });
  }

  detokenize({ ids }: Arguments<'detokenize'>): string {
    if (!Array.isArray(ids))
      throw new FlashrowError('BAD_USAGE', 'ids to detokenize are an array of numbers', { option: 'ids' });
    checkIds(ids, this.info.spec.vocabSize);
    return this.parts.tokenizer.decode(ids);
  }

  logprobs({ tokens, topK }: Arguments<'logprobs'>): Promise<[number, number][][]> {
    checkPrompt(tokens, this.info.spec.vocabSize, this.info.contextSize);
    if (!Number.isSafeInteger(topK) || topK < 1)
      throw new FlashrowError('BAD_USAGE', `topK is a whole number from 1, not ${topK}`, { option: 'topK' });
    return scoreTop(this.parts.engine, tokens, topK);
  }

  async evaluate({ sequences }: Arguments<'evaluate'>, onEvent: OnEvent): Promise<EvaluationResult> {
    for (const sequence of sequences) checkPrompt(sequence, this.info.spec.vocabSize, this.info.contextSize);
    const meter = new Meter(this.parts.sources);
    let nll = 0;
    let tokens = 0;
    let read = 0;
    for (const [index, sequence] of sequences.entries()) {
      nll += await negativeLogLikelihood(this.parts.engine, sequence);
      tokens += sequence.length - 1;
      read += sequence.length;
      onEvent({ done: index + 1, total: sequences.length });
    }
    meter.endPrefill(read);
    const meanNll = nll / tokens;
    return { tokens, meanNll, perplexity: Math.exp(meanNll), receipt: meter.receipt() };
  }

  dispose(): Promise<void> {
    return this.parts.dispose();
  }
}
