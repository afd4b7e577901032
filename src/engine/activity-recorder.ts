import { COUNTERS, type RowStream } from '../../native-bridge/bridge.js';
import {
  type ActivitySample,
  idleLayer,
  type LayerActivity,
  type StreamedLayer,
  type TracedPass,
} from '../contract/activity.js';
import type { Receipt } from '../contract/receipt.js';
import { anonymousBytes } from '../plan/anonymous-bytes.js';
import { bundlesIn, type UnitShape } from '../plan/units.js';
import { askedBytes, bitmapsOf } from '../trace/trace.js';

/** The least time between two samples, ms. */
const INTERVAL_MS = 100;

/** Where the recorder finds what is no matter of layers. Counters run from the load on. */
export interface ActivitySources {
  base: Pick<Receipt, 'residentBytes' | 'scratchBytes'>;
  draftMemory: () => Pick<Receipt, 'cacheBytes' | 'draftBytes'>;
  stream: RowStream;
  denseTime: { readonly total: number };
  stateBytes: () => number;
  /** Anonymous bytes of the process just before the load. */
  anonymousBefore: number;
}

/** How closely anybody looks: not at all, at what layers are asked for together, at each pass. */
export type Closeness = 0 | 1 | 2;

/** Who looks at a model at work. */
export interface ActivityView {
  /** Asked once a pass. */
  closeness(): Closeness;
  /** Takes a sample. It is valid during the call alone. */
  show(sample: ActivitySample): void;
}

/**
 * Records what the streamed half does while somebody looks. Where nobody does, it holds nothing, and costs a look at a
 * flag for each pass. Layers count and set bits in memory that is there; a sample goes out at most ten times a second.
 */
export class ActivityRecorder {
  readonly #units: readonly UnitShape[];
  readonly #streamed: readonly StreamedLayer[];
  readonly #sources: ActivitySources;
  #view: ActivityView | null = null;
  #closeness: Closeness = 0;
  #layers: LayerActivity[] = [];
  /** The units that the pass at work asked for, as bitmaps, and the passes since the last sample. */
  #asked = new Uint8Array(0);
  #askedLayers: Uint8Array[] = [];
  #trace: TracedPass[] = [];
  /** Whether anything was recorded since the last sample. */
  #isDirty = false;
  #calls = 0;
  #passes = 0;
  #tokens = 0;
  #passTokens = 0;
  #since = 0;
  /** The sources' values at the last sample, and now. */
  readonly #before = new Float64Array(Object.keys(COUNTERS).length);
  readonly #now = new Float64Array(Object.keys(COUNTERS).length);
  #denseBefore = 0;

  /** `streamed` says of the same layers what samples tell. */
  constructor(units: readonly UnitShape[], streamed: readonly StreamedLayer[], sources: ActivitySources) {
    this.#units = units;
    this.#streamed = streamed;
    this.#sources = sources;
  }

  /** Says who looks. */
  showTo(view: ActivityView): void {
    this.#view = view;
  }

  /** A call begins. What happened since the last one is nobody's. */
  begin(): void {
    if (this.#calls++ > 0) return;
    this.#look();
    if (this.#closeness > 0) this.#restart();
  }

  /** A call has ended; what it did is shown before its answer. */
  end(): void {
    this.#calls--;
    if (this.#isDirty) this.#show();
  }

  /** `tokens` tokens together ask one layer for the first `count` of `units`, which ascend. */
  ask(layer: number, units: Uint32Array, count: number, tokens: number): void {
    if (layer === 0) this.#look();
    if (this.#closeness === 0) return;
    const record = this.#layers[layer];
    record.bundlesHit += bundlesIn(this.#units[layer], units, count);
    setBits(record.asked, units, 0, count);
    if (this.#closeness === 2) {
      this.#askedLayers[layer].fill(0);
      setBits(this.#askedLayers[layer], units, 0, count);
    }
    this.#passTokens = tokens;
    this.#isDirty = true;
  }

  /** Units [from, to) of `units`, of those that were asked for, have to be read. */
  read(layer: number, units: Uint32Array, from: number, to: number): void {
    if (this.#closeness === 0 || from === to) return;
    const unit = this.#units[layer];
    const bundles = bundlesIn(unit, units, to) - bundlesIn(unit, units, from);
    const record = this.#layers[layer];
    record.bundlesHit -= bundles;
    record.bundlesMissed += bundles;
    setBits(record.read, units, from, to);
  }

  /** A pass has ended. */
  endPass(): void {
    if (this.#closeness === 0) return;
    this.#passes += 1;
    this.#tokens += this.#passTokens;
    if (this.#closeness === 2) this.#trace.push({ tokens: this.#passTokens, asked: this.#asked.slice() });
    if (performance.now() - this.#since >= INTERVAL_MS) this.#show();
  }

  /** Begins to record where somebody looks, and ends where nobody does. */
  #look(): void {
    const closeness = this.#view?.closeness() ?? 0;
    if (closeness === this.#closeness) return;
    const [before, traces] = [this.#closeness, closeness === 2];
    this.#closeness = closeness;
    this.#asked = new Uint8Array(traces ? askedBytes(this.#streamed) : 0);
    this.#askedLayers = traces ? bitmapsOf(this.#streamed, this.#asked) : [];
    if (before > 0 && closeness > 0) return;
    this.#layers = closeness > 0 ? this.#streamed.map(idleLayer) : [];
    this.#isDirty = false;
    if (closeness > 0) this.#restart();
  }

  #show(): void {
    const { base, stream, denseTime, stateBytes: held, anonymousBefore } = this.#sources;
    const { cacheBytes, draftBytes } = this.#sources.draftMemory();
    const ms = performance.now() - this.#since;
    stream.counters(this.#now);
    const spent = (counter: number) => this.#now[counter] - this.#before[counter];
    const readWaitMs = spent(COUNTERS.readWaitMs);
    const ffnMs = spent(COUNTERS.ffnMs);
    const denseMs = Math.max(0, denseTime.total - this.#denseBefore - spent(COUNTERS.matrixWaitMs));
    const stateBytes = held();
    this.#view?.show({
      ...{ ms, passes: this.#passes, tokens: this.#tokens },
      bundlesHit: sum(this.#layers, 'bundlesHit'),
      bundlesMissed: sum(this.#layers, 'bundlesMissed'),
      payloadBytesRead: spent(COUNTERS.payloadBytes),
      deviceBytesRead: spent(COUNTERS.deviceBytes),
      recordsRead: spent(COUNTERS.records),
      ...{ readWaitMs, ffnMs, denseMs, otherMs: Math.max(0, ms - readWaitMs - ffnMs - denseMs) },
      stateBytes,
      memoryBytes: base.residentBytes + stateBytes + base.scratchBytes + cacheBytes + draftBytes,
      rssGrowthBytes: Math.max(0, anonymousBytes() - anonymousBefore),
      ...{ layers: this.#layers, trace: this.#trace },
    });
    this.#restart();
  }

  /** The next sample begins here. */
  #restart(): void {
    for (const layer of this.#layers) {
      layer.bundlesHit = 0;
      layer.bundlesMissed = 0;
      layer.asked.fill(0);
      layer.read.fill(0);
    }
    this.#trace = [];
    this.#isDirty = false;
    this.#passes = 0;
    this.#tokens = 0;
    this.#sources.stream.counters(this.#before);
    this.#denseBefore = this.#sources.denseTime.total;
    this.#since = performance.now();
  }
}

function setBits(bitmap: Uint8Array, units: Uint32Array, from: number, to: number): void {
  for (let i = from; i < to; i++) bitmap[units[i] >> 3] |= 1 << (units[i] & 7);
}

const sum = (layers: readonly LayerActivity[], field: 'bundlesHit' | 'bundlesMissed'): number =>
  layers.reduce((total, layer) => total + layer[field], 0);
