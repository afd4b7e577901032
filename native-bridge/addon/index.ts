import type {
  Bridge,
  ConvolutionCall,
  Isa,
  KeyValueCache,
  KeyValueCacheOptions,
  LowRankTrainer,
  LowRankTrainerOptions,
  MatrixSource,
  RecurrenceCall,
  ResidentMatrix,
  RowStream,
  StreamOptions,
  TwoBitNetworks,
  TwoBitNetworksSource,
} from '../bridge.js';
import { createTrainer } from '../low-rank-trainer.js';
import type { Addon, NativePool } from './exports.js';
import { guarded } from './guarded.js';
import { AddonKeyValueCache } from './key-value-cache.js';
import { AddonMatrix } from './matrix.js';
import { AddonStream } from './stream.js';
import { AddonTwoBitNetworks } from './two-bit-networks.js';

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
