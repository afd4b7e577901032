import { dequantize, quantize } from '../../../native-bridge/blocks.js';
import { FORMATS, isWritableFormat, type RowFormat } from '../../../native-bridge/formats.js';
import { FlashrowError } from '../../errors.js';
import type { RequantizedTensor } from '../manifest.js';

/** Weights in one step: a whole number of blocks, small enough for the processor's caches. */
const STEP = 8192;
const exact = new Float32Array(STEP);
const rounded = new Float32Array(STEP);

/** Takes one tensor's weights from one format to another, and measures the loss. */
export class Requantizer {
  readonly tensor: string;
  /** The tensor's format in its checkpoint. */
  readonly sourceFormat: string;
  /** The format that its weights are read in. */
  readonly from: RowFormat;
  readonly to: RowFormat;
  #squares = 0;
  #squaredError = 0;

  constructor(tensor: string, sourceFormat: string, from: RowFormat, to: RowFormat) {
    this.tensor = tensor;
    this.sourceFormat = sourceFormat;
    this.from = from;
    this.to = to;
  }

  /**
   * Converts the next `count` weights (whole blocks of both formats), from the start of `source` to the start of
   * `into`.
   * Throws BAD_USAGE where the target cannot hold a weight (f16 ends at 65504).
   */
  convert(source: Uint8Array, count: number, into: Uint8Array): void {
    if (!isWritableFormat(this.to)) throw new RangeError(`${this.tensor} cannot be rounded to ${this.to}`);
    for (let done = 0; done < count; done += STEP) {
      const step = Math.min(STEP, count - done);
      const target = bytesBefore(this.to, done);
      dequantize(this.from, source, bytesBefore(this.from, done), step, exact, 0);
      quantize(this.to, exact, 0, step, into, target);
      dequantize(this.to, into, target, step, rounded, 0);
      for (let i = 0; i < step; i++) {
        const error = rounded[i] - exact[i];
        this.#squares += exact[i] * exact[i];
        this.#squaredError += error * error;
      }
    }
    if (!Number.isFinite(this.#squaredError)) {
      throw new FlashrowError(
        'BAD_USAGE',
        `tensor "${this.tensor}" holds weights too large for ${this.to}; convert it to f32 or keep the source's format`,
        { tensor: this.tensor, format: this.to },
      );
    }
  }

  /** The tensor's entry in the manifest. Call it once every weight has passed. */
  result(): RequantizedTensor {
    const relativeError = this.#squaredError === 0 ? 0 : Math.sqrt(this.#squaredError / this.#squares);
    return { tensor: this.tensor, from: this.sourceFormat, to: this.to, relativeError };
  }
}

const bytesBefore = (format: RowFormat, weights: number) =>
  (weights / FORMATS[format].blockSize) * FORMATS[format].blockBytes;
