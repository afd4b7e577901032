import type {
  Bridge,
  ConvolutionCall,
  Extension,
  Isa,
  KeyValueCache,
  RecurrenceCall,
  ResidentMatrix,
  RowStream,
  TwoBitNetworks,
} from '../bridge.js';
import type { LowRankStep } from '../low-rank-trainer.js';

/** The exports of bindings/addon.cc; its objects check their arguments themselves. */
export interface Addon {
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

export interface NativePool {
  dispose(): void;
}

export interface NativeStream extends Omit<RowStream, 'startRing' | 'extend' | 'ffn'> {
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

export type NativeMatrix = Omit<ResidentMatrix, 'rows' | 'columns'>;
