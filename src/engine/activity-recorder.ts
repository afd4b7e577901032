import { COUNTERS, type RowStream } from '../../native-bridge/bridge.js';
import { type ActivitySample, idleLayer, type LayerActivity } from '../contract/activity.js';
import type { Receipt } from '../contract/receipt.js';
import { anonymousBytes } from '../plan/machine.js';
import { bundlesIn, type UnitShape } from '../plan/units.js';

/** The least time between two samples, ms. */
const INTERVAL_MS = 100;

/** Where the recorder finds what is no matter of layers. Counters run from the load on. */
export interface ActivitySources {
  base: Pick<Receipt, 'residentBytes' | 'scratchBytes' | 'cacheBytes'>;
  stream: RowStream;
  denseTime: { readonly total: number };
  stateBytes: () => number;
  /** Anonymous bytes of the process just before the load. */
  anonymousBefore: number;
}

/** Who looks at a model at work. */
export interface ActivityView {
  /** Whether anybody looks; asked once a pass. */
  watched(): boolean;
  /** Takes a sample. It is valid during the call alone. */
  show(sample: ActivitySample): void;
}

/**
 * Records what the streamed half does while somebody looks. Where nobody does, it holds nothing, and costs a look at a
 * flag for each pass. Layers count and set bits in memory that is there; a sample goes out at most ten times a second.
 */
export class ActivityRecorder {
  readonly #units: readonly UnitShape[];
  readonly #sources: ActivitySources;
  #view: ActivityView | null = null;
  #recording = false;
  #layers: LayerActivity[] = [];
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

  constructor(units: readonly UnitShape[], sources: ActivitySources) {
    this.#units = units;
    this.#sources = sources;
  }

  /** Says who looks. */
  showTo(view: ActivityView): void {
    this.#view = view;
  }

  /** A call begins. What happened since the last one is nobody's. */
  begin(): void {
    if (this.#calls++ === 0) this.#look();
  }

  /** A call has ended; what it did is shown before its answer. */
  end(): void {
    this.#calls--;
    if (this.#isDirty) this.#show();
  }

  /** `tokens` tokens together ask one layer for the first `count` of `units`, which ascend. */
  ask(layer: number, units: Uint32Array, count: number, tokens: number): void {
    if (layer === 0 && this.#recording !== (this.#view?.watched() ?? false)) this.#look();
    if (!this.#recording) return;
    const record = this.#layers[layer];
    record.bundlesHit += bundlesIn(this.#units[layer], units, count);
    setBits(record.asked, units, 0, count);
    this.#passTokens = tokens;
    this.#isDirty = true;
  }

  /** Units [from, to) of `units`, of those that were asked for, have to be read. */
  read(layer: number, units: Uint32Array, from: number, to: number): void {
    if (!this.#recording || from === to) return;
    const unit = this.#units[layer];
    const bundles = bundlesIn(unit, units, to) - bundlesIn(unit, units, from);
    const record = this.#layers[layer];
    record.bundlesHit -= bundles;
    record.bundlesMissed += bundles;
    setBits(record.read, units, from, to);
  }

  /** A pass has ended. */
  endPass(): void {
    if (!this.#recording) return;
    this.#passes += 1;
    this.#tokens += this.#passTokens;
    if (performance.now() - this.#since >= INTERVAL_MS) this.#show();
  }

  /** Begins to record where somebody looks, and ends where nobody does. */
  #look(): void {
    const watched = this.#view?.watched() ?? false;
    if (watched !== this.#recording) this.#layers = watched ? this.#units.map(idleLayer) : [];
    this.#recording = watched;
    this.#isDirty = false;
    if (watched) this.#restart();
  }

  #show(): void {
    const { base, stream, denseTime, stateBytes: held, anonymousBefore } = this.#sources;
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
      memoryBytes: base.residentBytes + stateBytes + base.scratchBytes + base.cacheBytes,
      rssGrowthBytes: Math.max(0, anonymousBytes() - anonymousBefore),
      layers: this.#layers,
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
