import type { Bridge, KeyValueCache } from '../../native-bridge/bridge.js';
import { keyValuePageBytes, PAGE_POSITIONS, pagesOf } from '../../native-bridge/memory.js';
import type { DenseHalf } from '../dense/dense-half.js';
import type { StreamedMatrices } from '../dense/dense-matrix.js';
import { HeldParts } from '../dense/held-parts.js';
import { loadVector } from '../dense/load-tensor.js';
import { RowViews } from '../dense/row-views.js';
import type { TensorOnDisk } from '../dense/tensor-on-disk.js';
import { attendRows } from '../mixers/attend-rows.js';
import { type KeyValueGroup, keyValueGroups, keyValueLayer } from '../model/attention-layers.js';
import { hasAttention } from '../model/mixer-tensors.js';
import { windowOf, windowPages } from '../model/sliding-window.js';
import type { ModelSpec } from '../model/spec.js';
import { layerTensor } from '../model/tensor-names.js';
import { keptAs, type StateFormat } from '../plan/state-format.js';
import { BlockIndexes } from './block-indexes.js';
import type { Stopwatch } from './meter.js';
import type { Mixer, PassPart } from './mixer.js';
import { KeptPages } from './state/kept-pages.js';
import { loadPages, type SavedLayer, savePages } from './state/saved-pages.js';

export interface AttentionOptions {
  spec: ModelSpec;
  tensors: ReadonlyMap<string, TensorOnDisk>;
  bridge: Bridge;
  dense: DenseHalf;
  /** The matrices that stream; null where all stay in memory. */
  streamed: StreamedMatrices | null;
  contextSize: number;
  stateFormat: StateFormat;
  /** States that are held side by side. */
  sequences: number;
  /** The most tokens that one call will bring. */
  maxTokens: number;
  /** Adds up the time of the resident projections. */
  denseTime: Stopwatch;
}

/**
 * The mixer of attention: grouped queries (arXiv 2305.13245) over the bridge's paged keys and values. A layer with a
 * sliding window keeps the pages that it sees, and some to come back to (state/kept-pages.ts). Throws CORRUPT,
 * NOT_FOUND, IO or BridgeError.
 */
export function createAttention(options: AttentionOptions): Mixer {
  const { spec, dense, contextSize, sequences, maxTokens, denseTime } = options;
  const { numAttentionHeads } = spec;
  const groups = keyValueGroups(spec);
  const held = new HeldParts();
  const caches = groups.map((group) => held.keep(createCache(options, group)));
  const places = placesOf(spec, groups);
  const indexes = spec.blockIndex ? held.keep(new BlockIndexes(options, spec.blockIndex)) : null;
  const firstLayer = places.findIndex((place) => place !== null);
  const windowed = Array.from({ length: sequences }, (_, sequence) =>
    windowedPages(spec, contextSize, groups, caches, sequence),
  );
  const keptBy = (of: number) => windowed[of]?.kept ?? null;
  const layersOf = (of: number) => savedLayers(options, groups, caches, of, keptBy(of));
  const { width, q, k, v, gates, views } = buffersOf(spec, groups, maxTokens);
  let answers = new RowViews(q);
  return {
    width,
    copy(from, to, length) {
      for (const [group, cache] of caches.entries()) {
        const { layers } = groups[group];
        for (let at = 0; at < layers.length; at++)
          cache.copy(from * layers.length + at, to * layers.length + at, length);
      }
      windowed[to]?.kept.copy(windowed[from]!.kept, length);
      indexes?.copy(from, to, length);
    },
    save(sequence, length, write) {
      savePages(layersOf(sequence), keptBy(sequence), pagesOf(length), write);
      indexes?.save(sequence, length, write);
    },
    load(sequence, length, read) {
      loadPages(layersOf(sequence), keptBy(sequence), pagesOf(length), length, read);
      indexes?.load(sequence, length, read);
    },
    async step(layer, x, { tokens, positions, rotaryPositions, parts }, mixed) {
      const place = places[layer]!;
      const { layers, headDim, numKeyValueHeads } = groups[place.group];
      const cache = caches[place.group];
      denseTime.start();
      dense.attentionInput(layer, x, tokens, rotaryPositions, q, k, v, gates);
      indexes?.project(layer, x, tokens, positions);
      denseTime.stop();
      if (answers.array !== mixed) answers = new RowViews(mixed);
      for (const part of parts) {
        if (part.dropped) continue;
        const at = part.sequence * layers.length + place.at;
        if (layer === firstLayer) windowed[part.sequence]?.begin(part.tokens);
        const ofKeys = part.row * numKeyValueHeads * headDim;
        const ofHeads = part.row * numAttentionHeads * headDim;
        if (place.own) cache.append(at, part.position, part.tokens, views.k.from(ofKeys), views.v.from(ofKeys));
        if (indexes) indexes.attend(layer, cache, at, part, views.q.from(ofHeads), answers.from(ofHeads));
        else attendPart(cache, at, part, numAttentionHeads * headDim, views.q, answers);
      }
      for (let i = 0; gates && i < tokens * width; i++) mixed[i] /= 1 + Math.exp(-gates[i]);
    },
    ...(indexes ? null : { swap: swapIn(groups, caches) }),
    snapshot: (sequence) => windowed[sequence]?.kept.mark(),
    snapshotNext: (sequence) => windowed[sequence]?.kept.markNext(),
    rewind(sequence, length) {
      const reached = windowed[sequence]?.kept.rewind(length) ?? length;
      eachLayer(groups, caches, sequence, (cache, at) => cache.truncate(at, reached));
      return reached;
    },
    get bytes() {
      return caches.reduce((sum, cache) => sum + cache.bytes, indexes?.bytes ?? 0);
    },
    dispose: () => void held.dispose(),
  };
}

const swapIn =
  (groups: readonly KeyValueGroup[], caches: readonly KeyValueCache[]): NonNullable<Mixer['swap']> =>
  (sequence, one, other) =>
    eachLayer(groups, caches, sequence, (cache, at) => cache.swap(at, one, other));

/** Visits the layers of a sequence: each cache, with the layer's number in it. */
function eachLayer(
  groups: readonly KeyValueGroup[],
  caches: readonly KeyValueCache[],
  sequence: number,
  visit: (cache: KeyValueCache, at: number) => void,
): void {
  for (const [group, cache] of caches.entries()) {
    const { length: layers } = groups[group].layers;
    for (let at = 0; at < layers; at++) visit(cache, sequence * layers + at);
  }
}

/** Attention of a part, by itself where it has pictures. `width` is that of a token's queries. */
function attendPart(
  cache: KeyValueCache,
  layer: number,
  part: PassPart,
  width: number,
  q: RowViews,
  out: RowViews,
): void {
  const { row, position, tokens, pictures } = part;
  if (pictures.length === 0) {
    attendRows(cache, layer, part, q, width, out, width);
    return;
  }
  const views = (from: number): [Float32Array, Float32Array] => [
    q.from((row + from) * width),
    out.from((row + from) * width),
  ];
  let done = 0;
  for (const { from, to } of [...pictures, { from: tokens, to: tokens }]) {
    if (from > done) cache.attend(layer, position + done, from - done, ...views(done));
    if (to > from) cache.attendTogether(layer, position + from, to - from, ...views(from));
    done = to;
  }
}

/** Queries, keys and values of a pass, and gates where queries come with them. */
function buffersOf(spec: ModelSpec, groups: readonly KeyValueGroup[], maxTokens: number) {
  const width = spec.numAttentionHeads * Math.max(...groups.map(({ headDim }) => headDim));
  const keys = Math.max(...groups.map(({ headDim, numKeyValueHeads }) => headDim * numKeyValueHeads));
  const q = new Float32Array(maxTokens * (spec.attentionGate ? 2 : 1) * width);
  const k = new Float32Array(maxTokens * keys);
  const v = new Float32Array(maxTokens * keys);
  const gates = spec.attentionGate ? new Float32Array(maxTokens * width) : null;
  return { width, q, k, v, gates, views: { q: new RowViews(q), k: new RowViews(k), v: new RowViews(v) } };
}

/** Keys and values of a group's layers in all sequences: the layers of one sequence follow those of another. */
function createCache(options: AttentionOptions, { layers, headDim, numKeyValueHeads }: KeyValueGroup): KeyValueCache {
  const { spec, tensors, bridge, contextSize, stateFormat, sequences } = options;
  const all = Array.from({ length: sequences }, () => layers).flat();
  return bridge.createKeyValueCache({
    numLayers: all.length,
    numAttentionHeads: spec.numAttentionHeads,
    numKeyValueHeads,
    headDim,
    contextSize,
    format: keptAs(stateFormat),
    windows: Uint32Array.from(all, (layer) => windowIn(spec, layer)),
    softCap: spec.attentionSoftCap ?? undefined,
    sinks: readSinks(spec, all, tensors, bridge),
  });
}

/** Where a layer's keys and values are. */
interface Place {
  group: number;
  /** The layer within its group. */
  at: number;
  /** False where they are another layer's. */
  own: boolean;
}

/** By layer; null for those without attention. */
function placesOf(spec: ModelSpec, groups: readonly KeyValueGroup[]): (Place | null)[] {
  return Array.from({ length: spec.numLayers }, (_, layer) => {
    if (!hasAttention(spec, layer)) return null;
    const source = keyValueLayer(spec, layer);
    const group = groups.findIndex(({ layers }) => layers.includes(source));
    return { group, at: groups[group].layers.indexOf(source), own: source === layer };
  });
}

/** What a sequence's layers hold, in order. */
const savedLayers = (
  { spec, stateFormat }: AttentionOptions,
  groups: readonly KeyValueGroup[],
  caches: readonly KeyValueCache[],
  sequence: number,
  kept: KeptPages | null,
): SavedLayer[] =>
  groups.flatMap(({ layers, ...heads }, group) => {
    const pageBytes = keyValuePageBytes({ ...heads, format: keptAs(stateFormat) });
    const first = sequence * layers.length;
    return layers.map((layer, i) => ({
      ...{ cache: caches[group], at: first + i, pageBytes },
      kept: windowIn(spec, layer) > 0 ? kept : null,
    }));
  });

/** The pages of all layers with a sliding window, in one sequence; null without such layers. */
function windowedPages(
  spec: ModelSpec,
  contextSize: number,
  groups: readonly KeyValueGroup[],
  caches: readonly KeyValueCache[],
  sequence: number,
) {
  const layers = groups.flatMap(({ layers }, group) =>
    layers.flatMap((layer, at) =>
      windowIn(spec, layer) > 0 ? [{ cache: caches[group], at: sequence * layers.length + at }] : [],
    ),
  );
  if (!spec.slidingWindow || layers.length === 0) return null;
  const kept = new KeptPages(spec.slidingWindow.size, windowPages(spec, contextSize), contextSize);
  return {
    kept,
    /** Makes room for a pass. */
    begin(tokens: number): void {
      for (const page of kept.begin(tokens))
        for (const { cache, at } of layers) cache.drop(at, page * PAGE_POSITIONS, (page + 1) * PAGE_POSITIONS);
    },
  };
}

const windowIn = ({ slidingWindow }: ModelSpec, layer: number): number =>
  slidingWindow ? windowOf(slidingWindow, layer) : 0;

/** The sinks of some layers, [layers.length, numAttentionHeads]; undefined if the model has none. */
function readSinks(
  spec: ModelSpec,
  layers: readonly number[],
  tensors: ReadonlyMap<string, TensorOnDisk>,
  bridge: Bridge,
): Float32Array | undefined {
  if (!spec.attentionSinks) return undefined;
  const sinks = new Float32Array(layers.length * spec.numAttentionHeads);
  layers.forEach((layer, i) => {
    const tensor = tensors.get(layerTensor(layer, 'sinks'));
    if (tensor) sinks.set(loadVector(bridge, tensor), i * spec.numAttentionHeads);
  });
  return sinks;
}
