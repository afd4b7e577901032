import { addonFiles, isShipped, machineName } from './addon-files.js';
import {
  type Bridge,
  type BridgeActivation,
  BridgeError,
  type BundleGeometry,
  type ConvolutionCall,
  type Extension,
  type FeedForwardCall,
  type Isa,
  type KeyValueCache,
  type KeyValueCacheOptions,
  type LowRankTrainer,
  type LowRankTrainerOptions,
  type MatrixSource,
  type RecurrenceCall,
  type ResidentMatrix,
  type Ring,
  type RowStream,
  type StreamedMatrix,
  type StreamLayer,
  type StreamOptions,
  type TwoBitNetworks,
  type TwoBitNetworksSource,
} from './bridge.js';
import { FORMATS, isRowFormat } from './formats.js';
import { createTrainer, type LowRankStep } from './low-rank-trainer.js';
import { matrixSlotBytes, slotLayout } from './slots.js';

/** The exports of bindings/addon.cc; its objects check their arguments themselves. */
interface Addon {
  Pool: new (isa: string, threads: number) => NativePool;
  Stream: new (pool: NativePool, options: object) => NativeStream;
  Matrix: new (pool: NativePool, source: object) => NativeMatrix;
  Cache: new (pool: NativePool, options: object) => KeyValueCache;
  TwoBitNetworks: new (pool: NativePool, source: object) => TwoBitNetworks;
  trainLowRank(pool: NativePool, step: LowRankStep, x: Float32Array, active: Uint8Array, samples: number): number;
  countAgreements(
    pool: NativePool,
    signs: Uint32Array,
    rows: number,
    columns: number,
    inputs: Uint32Array,
    tokens: number,
    agreement: Float32Array,
  ): void;
  convolve(pool: NativePool, call: ConvolutionCall): void;
  recur(pool: NativePool, call: RecurrenceCall): void;
  crc32c: Bridge['crc32c'];
  /** Missing in an addon that was built before. */
  lockFile?(file: number): 'taken' | 'held' | 'refused';
  probeReads: Bridge['probeReads'];
  /** Missing in an addon that was built before. */
  recycleMemory?(isOn: boolean): void;
  /** Missing in an addon that was built before. */
  systemMemory?(): SystemMemory | null;
  setEnvironmentVariable(name: string, value: string): void;
  /** The instruction sets it has kernels for and this processor runs, best first. */
  isas: Isa[];
  systemPageBytes: number;
  /** The numbers of memory.ts, as compiled into the addon. */
  memory: Record<string, number>;
}

/** What the system says of memory; sizes are bytes. */
export interface SystemMemory {
  /** What programs may still take without anything being paged out. */
  availableBytes: number;
  /** What a limit of this process or its job leaves; null without one. */
  leftUnderLimit: number | null;
}

interface NativePool {
  dispose(): void;
}

interface NativeStream extends Omit<RowStream, 'startRing' | 'extend' | 'ffn'> {
  /** The fields of a FeedForwardCall, in their order. */
  ffn(
    layer: number,
    units: Uint32Array,
    slots: Uint32Array,
    count: number,
    x: Float32Array,
    tokens: number,
    residentProducts: Float32Array | null,
    weights: Float32Array | null,
    y: Float32Array,
    accumulate: boolean,
  ): void;
  startRing(arenaOffset: number, slots: number, schedule: Uint32Array): void;
  extend(arenaBytes: number, layers: Extension['layers']): void;
}

type NativeMatrix = Omit<ResidentMatrix, 'rows' | 'columns'>;

/** Activations by the number that activation.h gives them. */
const ACTIVATIONS: readonly BridgeActivation[] = [
  'relu',
  'silu',
  'gelu',
  'gelu-tanh',
  'clamped-swiglu',
  'relu-squared',
  'clamped-silu',
];
/** Parts by the number that layer.h gives them. */
const INPUT_PARTS: readonly StreamLayer['residentPart'][] = [null, 'gate', 'up'];
/** In the order of `DownOrientation` in stream/layer.h. */
const DOWN_ORIENTATIONS: readonly BundleGeometry['downOrientation'][] = ['by-neuron', 'by-output', 'apart'];

let loaded: { addon: Addon } | { reason: string } | undefined;

/** Loads the addon, once; says why where it cannot be loaded. */
export function loadAddon(): { addon: Addon } | { reason: string } {
  if (loaded === undefined) {
    const machine = machineName();
    loaded = { reason: missing(machine) };
    for (const path of addonFiles(machine)) {
      loaded = loadFrom(path);
      if ('addon' in loaded) break;
    }
  }
  return loaded;
}

function missing(machine: string): string {
  const what = isShipped(machine)
    ? `the compiled kernels for ${machine}, which the package brings in its folder native-bridge/prebuilds, are not there`
    : `the package brings no compiled kernels for ${machine}`;
  return `${what}; \`npx flashrow build\` compiles them with the C++ compiler of this machine`;
}

function loadFrom(path: string): { addon: Addon } | { reason: string } {
  try {
    // As `require` does it, which bundlers would take apart.
    const module = { exports: {} };
    process.dlopen(module, path);
    return { addon: module.exports as Addon };
  } catch (error) {
    const cure = '`npx flashrow build` compiles it anew, with the C++ compiler of this machine';
    return { reason: `the native addon at ${path} cannot be loaded: ${(error as Error).message.trim()}; ${cure}` };
  }
}

/** Runs a call into the addon and gives its errors their type. */
function guarded<T>(body: () => T): T {
  try {
    return body();
  } catch (error) {
    const { code, details, message } = error as BridgeError;
    if (code === undefined || details === undefined) throw error;
    throw new BridgeError(code, message, details);
  }
}

function formatId(format: string): number {
  if (!isRowFormat(format)) throw new BridgeError('USAGE', `there is no kernel for format ${format}`);
  return FORMATS[format].id;
}

const floats = (numbers: readonly number[] | null | undefined) => (numbers ? Float32Array.from(numbers) : null);

/** A layer as `toLayer` in bindings/stream.cc reads it. */
function nativeLayer(layer: StreamLayer): object {
  const { gate, up, down } = layer.formats;
  const { areas, bytes } = slotLayout(layer);
  return {
    hiddenSize: layer.hiddenSize,
    numNeurons: layer.numNeurons,
    neuronsPerBundle: layer.neuronsPerBundle,
    bundlesPerUnit: layer.bundlesPerUnit,
    activation: ACTIVATIONS.indexOf(layer.activation),
    activationLimit: Float32Array.of(layer.activationLimit ?? 0),
    gateFormat: gate === null ? null : formatId(gate),
    upFormat: formatId(up),
    downFormat: formatId(down),
    downOrientation: DOWN_ORIENTATIONS.indexOf(layer.downOrientation),
    outputsPerBundle: layer.outputsPerBundle ?? 0,
    extents: layer.extents,
    gate: layer.parts.gate,
    up: layer.parts.up,
    down: layer.parts.down,
    segments: layer.segments,
    checksums: layer.checksums,
    residentPart: INPUT_PARTS.indexOf(layer.residentPart),
    gateBias: layer.biases?.gate ?? null,
    upBias: layer.biases?.up ?? null,
    gateFactors: floats(layer.factors?.gate),
    upFactors: floats(layer.factors?.up),
    downFactors: floats(layer.factors?.down),
    arenaOffset: layer.arenaOffset,
    slots: layer.slots,
    areas,
    slotBytes: bytes,
  };
}

/** A matrix as `toMatrix` in bindings/stream.cc reads it. */
function nativeMatrix(matrix: StreamedMatrix): object {
  if (matrix.columns % FORMATS[matrix.format].blockSize !== 0)
    throw new BridgeError('USAGE', `rows of ${matrix.columns} are not whole ${matrix.format} blocks`);
  return { ...matrix, format: formatId(matrix.format), slotBytes: matrixSlotBytes(matrix) };
}

class AddonStream implements RowStream {
  readonly #native: NativeStream;

  constructor(addon: Addon, pool: NativePool, options: StreamOptions) {
    const layers = options.layers.map(nativeLayer);
    const matrices = (options.matrices ?? []).map(nativeMatrix);
    this.#native = guarded(() => new addon.Stream(pool, { ...options, layers, matrices }));
  }

  get direct(): boolean {
    return guarded(() => this.#native.direct);
  }

  request(layer: number, units: Uint32Array, slots: Uint32Array, count: number): void {
    guarded(() => this.#native.request(layer, units, slots, count));
  }

  extend(extension: Extension | null): void {
    guarded(() => this.#native.extend(extension?.arenaBytes ?? 0, extension?.layers ?? []));
  }

  startRing(ring: Ring): void {
    guarded(() => this.#native.startRing(ring.arenaOffset, ring.slots, ring.schedule));
  }

  seekRing(index: number): void {
    guarded(() => this.#native.seekRing(index));
  }

  /**
   * The call is unpacked here: a call with ten arguments takes 0.7 us, and one whose C++ side reads ten fields of an
   * object takes 1.5 us.
   */
  ffn(call: FeedForwardCall): void {
    const { layer, units, slots, count, x, tokens, residentProducts, weights, y, accumulate } = call;
    guarded(() => this.#native.ffn(layer, units, slots, count, x, tokens, residentProducts, weights, y, accumulate));
  }

  multiply(matrix: number, x: Float32Array, tokens: number, y: Float32Array): void {
    guarded(() => this.#native.multiply(matrix, x, tokens, y));
  }

  counters(into: Float64Array): void {
    guarded(() => this.#native.counters(into));
  }

  dispose(): void {
    this.#native.dispose();
  }
}

class AddonMatrix implements ResidentMatrix {
  readonly rows: number;
  readonly columns: number;
  readonly #native: NativeMatrix;

  constructor(addon: Addon, pool: NativePool, source: MatrixSource) {
    this.#native = guarded(() => new addon.Matrix(pool, { ...source, format: formatId(source.format) }));
    this.rows = source.rows;
    this.columns = source.columns;
  }

  get bytes(): number {
    return this.#native.bytes;
  }

  matmul(x: Float32Array, tokens: number, y: Float32Array): void {
    guarded(() => this.#native.matmul(x, tokens, y));
  }

  multiplyFirst(x: Float32Array, rows: number, y: Float32Array): void {
    guarded(() => this.#native.multiplyFirst(x, rows, y));
  }

  multiplyHeads(x: Float32Array, tokens: number, heads: number, transposed: boolean, y: Float32Array): void {
    guarded(() => this.#native.multiplyHeads(x, tokens, heads, transposed, y));
  }

  row(index: number, into: Float32Array): void {
    guarded(() => this.#native.row(index, into));
  }

  checksum(firstRow: number, rows: number): number {
    return guarded(() => this.#native.checksum(firstRow, rows));
  }

  dispose(): void {
    this.#native.dispose();
  }
}

class AddonTwoBitNetworks implements TwoBitNetworks {
  readonly #native: TwoBitNetworks;

  constructor(addon: Addon, pool: NativePool, source: TwoBitNetworksSource) {
    const activation = ACTIVATIONS.indexOf(source.activation);
    this.#native = guarded(() => new addon.TwoBitNetworks(pool, { ...source, activation }));
  }

  get bytes(): number {
    return this.#native.bytes;
  }

  run(layer: number, x: Float32Array, y: Float32Array): void {
    guarded(() => this.#native.run(layer, x, y));
  }

  dispose(): void {
    this.#native.dispose();
  }
}

class AddonKeyValueCache implements KeyValueCache {
  readonly #native: KeyValueCache;

  constructor(addon: Addon, pool: NativePool, options: KeyValueCacheOptions) {
    const { windows = new Uint32Array(0), sinks = new Float32Array(0), softCap = 0, sharedValueDim = 0 } = options;
    this.#native = guarded(() => new addon.Cache(pool, { ...options, windows, sinks, softCap, sharedValueDim }));
  }

  get bytes(): number {
    return this.#native.bytes;
  }

  append(layer: number, position: number, tokens: number, k: Float32Array, v: Float32Array): void {
    guarded(() => this.#native.append(layer, position, tokens, k, v));
  }

  attend(
    layer: number,
    position: number,
    tokens: number,
    q: Float32Array,
    out: Float32Array,
    seen?: Uint8Array,
    blockSize?: number,
  ): void {
    guarded(() => this.#native.attend(layer, position, tokens, q, out, seen, blockSize));
  }

  attendTogether(layer: number, position: number, tokens: number, q: Float32Array, out: Float32Array): void {
    guarded(() => this.#native.attendTogether(layer, position, tokens, q, out));
  }

  truncate(layer: number, length: number): void {
    guarded(() => this.#native.truncate(layer, length));
  }

  swap(layer: number, one: number, other: number): void {
    guarded(() => this.#native.swap(layer, one, other));
  }

  drop(layer: number, from: number, to: number): void {
    guarded(() => this.#native.drop(layer, from, to));
  }

  copy(from: number, to: number, length: number): void {
    guarded(() => this.#native.copy(from, to, length));
  }

  savePage(layer: number, page: number, into: Uint8Array): void {
    guarded(() => this.#native.savePage(layer, page, into));
  }

  loadPage(layer: number, page: number, from: Uint8Array): void {
    guarded(() => this.#native.loadPage(layer, page, from));
  }

  dispose(): void {
    this.#native.dispose();
  }
}

/** A bridge over the addon's threads and kernels. Throws BridgeError. */
export class AddonBridge implements Bridge {
  readonly isa: Isa;
  readonly threads: number;
  readonly #addon: Addon;
  readonly #pool: NativePool;

  constructor(addon: Addon, isa: Isa, threads: number) {
    this.isa = isa;
    this.threads = threads;
    this.#addon = addon;
    this.#pool = guarded(() => new addon.Pool(isa, threads));
  }

  createStream(options: StreamOptions): RowStream {
    return new AddonStream(this.#addon, this.#pool, options);
  }

  loadMatrix(source: MatrixSource): ResidentMatrix {
    return new AddonMatrix(this.#addon, this.#pool, source);
  }

  loadTwoBitNetworks(source: TwoBitNetworksSource): TwoBitNetworks {
    return new AddonTwoBitNetworks(this.#addon, this.#pool, source);
  }

  createKeyValueCache(options: KeyValueCacheOptions): KeyValueCache {
    return new AddonKeyValueCache(this.#addon, this.#pool, options);
  }

  createLowRankTrainer(options: LowRankTrainerOptions): LowRankTrainer {
    return createTrainer(options, (step, x, active, samples) =>
      guarded(() => this.#addon.trainLowRank(this.#pool, step, x, active, samples)),
    );
  }

  countAgreements(
    signs: Uint32Array,
    rows: number,
    columns: number,
    inputs: Uint32Array,
    tokens: number,
    agreement: Float32Array,
  ): void {
    guarded(() => this.#addon.countAgreements(this.#pool, signs, rows, columns, inputs, tokens, agreement));
  }

  convolve(call: ConvolutionCall): void {
    guarded(() => this.#addon.convolve(this.#pool, call));
  }

  recur(call: RecurrenceCall): void {
    guarded(() => this.#addon.recur(this.#pool, call));
  }

  crc32c(bytes: Uint8Array, seed: number): number {
    return guarded(() => this.#addon.crc32c(bytes, seed));
  }

  probeReads(path: string, recordBytes: number, totalBytes: number, readThreads: number) {
    return guarded(() => this.#addon.probeReads(path, recordBytes, totalBytes, readThreads));
  }

  recycleMemory(isOn: boolean): void {
    this.#addon.recycleMemory?.(isOn);
  }

  dispose(): void {
    this.#pool.dispose();
  }
}
