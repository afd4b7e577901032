import type { KeyValueCache, KeyValueCacheOptions } from './contract/key-value-cache.js';
import type { LowRankTrainer, LowRankTrainerOptions } from './contract/low-rank-trainer.js';
import type { ConvolutionCall, RecurrenceCall } from './contract/recurrence.js';
import type { MatrixSource, ResidentMatrix } from './contract/resident-matrix.js';
import type { RowStream, StreamOptions } from './contract/row-stream.js';
import type { TwoBitNetworks, TwoBitNetworksSource } from './contract/two-bit-networks.js';
import type { Crc32c } from './crc32c.js';

export * from './contract/bundle-geometry.js';
export * from './contract/key-value-cache.js';
export * from './contract/low-rank-trainer.js';
export * from './contract/recurrence.js';
export * from './contract/resident-matrix.js';
export * from './contract/row-stream.js';
export * from './contract/two-bit-networks.js';

/** Instruction sets that can be asked for by name (`FLASHROW_ISA`); `ts` is the portable twin in TypeScript. */
export type Isa = 'ts' | 'portable' | 'avx2' | 'avx512' | 'neon';

export interface ReadProbe {
  bytes: number;
  seconds: number;
  /** Whether the reads passed the page cache by. */
  direct: boolean;
}

/** A failure of the bridge; src/ turns it into a FlashrowError. */
export class BridgeError extends Error {
  readonly code: 'CORRUPT' | 'IO' | 'MEMORY' | 'USAGE';
  readonly details: { path?: string; offset?: number; layer?: number; bundle?: number; errno?: string };
  constructor(code: BridgeError['code'], message: string, details: BridgeError['details'] = {}) {
    super(message);
    this.name = 'BridgeError';
    this.code = code;
    this.details = details;
  }
}

/** One instance owns one pool of compute threads. Everything made by it must be disposed of before it. */
export interface Bridge {
  /** The instruction set in use. */
  readonly isa: Isa;
  readonly threads: number;
  createStream(options: StreamOptions): RowStream;
  loadMatrix(source: MatrixSource): ResidentMatrix;
  loadTwoBitNetworks(source: TwoBitNetworksSource): TwoBitNetworks;
  createKeyValueCache(options: KeyValueCacheOptions): KeyValueCache;
  createLowRankTrainer(options: LowRankTrainerOptions): LowRankTrainer;
  /**
   * agreement[tokens, rows] = the number of columns, out of `columns`, in which a row of signs[rows, ceil(columns /
   * 32)] and a token of inputs[tokens, ceil(columns / 32)] have the same bit. Column c is bit c % 32 of word floor(c /
   * 32); bits beyond the columns are 0.
   */
  countAgreements(
    signs: Uint32Array,
    rows: number,
    columns: number,
    inputs: Uint32Array,
    tokens: number,
    agreement: Float32Array,
  ): void;
  /** The results of a token depend on no other call's cut: tokens one by one and together give the same bits. */
  convolve(call: ConvolutionCall): void;
  recur(call: RecurrenceCall): void;
  /** CRC-32C of `bytes`, continuing from `seed` (0 to begin). */
  readonly crc32c: Crc32c;
  /**
   * Times direct reads of `recordBytes` at evenly spread offsets of a file, `readThreads` at once, until `totalBytes`
   * or 200 ms.
   */
  probeReads(path: string, recordBytes: number, totalBytes: number, readThreads: number): ReadProbe;
  /**
   * While it is on, memory that is freed is kept, and matrices and streams that are made get it: the system would clear
   * every page of fresh memory, which takes longer than to read it full. Each `true` is ended by one `false`; what is
   * left then goes back to the system. It is one for all bridges of a process, and does nothing but on Linux.
   */
  recycleMemory(isOn: boolean): void;
  dispose(): void;
}
