import { type RowFormat, rowBytes } from '../../../native-bridge/formats.js';
import type { CheckpointTensor } from '../../import/checkpoint.js';
import type { RequantizedTensor } from '../manifest.js';
import { Requantizer } from './requantizer.js';

/** The place of one part (gate, up or down) in a record, and its format there. */
export interface PartPlace {
  format: RowFormat;
  /** Bytes from the record's start. */
  offset: number;
  bytes: number;
}

/** One part of every bundle on its way from the checkpoint to the records. */
export class BundlePart {
  /** The weights of a chunk of bundles, in the format they are read in. */
  readonly source: Buffer;
  readonly #stored: Buffer;
  readonly #requantizer: Requantizer;
  readonly #place: PartPlace;

  /** `from` is the format that `source` is filled with, `chunkWeights` the most weights that it holds. */
  constructor(tensor: CheckpointTensor, from: RowFormat, place: PartPlace, chunkWeights: number) {
    this.#requantizer = new Requantizer(tensor.name, tensor.format, from, place.format);
    this.#place = place;
    this.source = Buffer.alloc(rowBytes(from, chunkWeights));
    this.#stored = from === place.format ? this.source : Buffer.alloc(rowBytes(place.format, chunkWeights));
  }

  /** Converts `weights` weights where formats differ, and copies each bundle's share into its record. */
  copyTo(records: Buffer, stride: number, weights: number, bundles: number): void {
    if (this.#stored !== this.source) this.#requantizer.convert(this.source, weights, this.#stored);
    const { offset, bytes } = this.#place;
    for (let bundle = 0, from = 0; bundle < bundles; bundle++, from += bytes) {
      this.#stored.copy(records, bundle * stride + offset, from, from + bytes);
    }
  }

  /** The loss, once every weight has passed; null where the format stays the source's. */
  requantized(): RequantizedTensor | null {
    const { sourceFormat, to } = this.#requantizer;
    return sourceFormat === to ? null : this.#requantizer.result();
  }
}
