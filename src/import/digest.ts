import { createHash } from 'node:crypto';
import { type OpenFile, readExactly } from '../disk/files.js';
import type { ReadableTensor } from './tensor-bytes.js';
import type { TensorFormat } from './tensor-format.js';
import { TensorReader } from './tensor-reader.js';

/**
 * Raised where another reading of the same checkpoint changes what a store holds, such as its end tokens: a store in
 * the cache folder that was made by the old reading is then not taken for the checkpoint's.
 */
const READING = 2;
/**
 * Formats that earlier versions converted to q8_0, and bf16 to f32. A store of theirs is not taken for a checkpoint
 * that has them; those of all other checkpoints stay.
 */
const ONCE_CONVERTED: ReadonlySet<TensorFormat> = new Set(['q5_0', 'q5_1', 'q2_K', 'q3_K', 'iq4_nl', 'iq4_xs', 'bf16']);
const SAMPLE_BYTES = 1024;
const PIECE_BYTES = 1024 * 1024;

/**
 * Computes the identity of a checkpoint (`Checkpoint.digest`). Fine-tunes of one model share their headers, so the
 * middle of each tensor counts too. That takes a few hundred small reads.
 */
export class SourceDigest {
  readonly #hash = createHash('sha256').update(`reading ${READING} `);

  /** Adds the first `headerBytes` bytes of a file, and its size. */
  addHeader(file: OpenFile, headerBytes: number): void {
    this.#hash.update(`${file.size} `);
    const piece = Buffer.allocUnsafe(Math.min(headerBytes, PIECE_BYTES));
    for (let offset = 0; offset < headerBytes; offset += piece.length) {
      const part = piece.subarray(0, Math.min(piece.length, headerBytes - offset));
      readExactly(file, offset, part);
      this.#hash.update(part);
    }
  }

  addBytes(bytes: Uint8Array): void {
    this.#hash.update(`${bytes.length} `).update(bytes);
  }

  addSamples(tensors: Iterable<ReadableTensor>): void {
    const reader = new TensorReader();
    try {
      for (const tensor of tensors) {
        if (ONCE_CONVERTED.has(tensor.format)) this.#hash.update(`${tensor.format} as it is `);
        const length = Math.min(tensor.bytes, SAMPLE_BYTES);
        this.#hash.update(reader.readBytes(tensor, Math.floor((tensor.bytes - length) / 2), length));
      }
    } finally {
      reader.close();
    }
  }

  hex(): string {
    return this.#hash.digest('hex');
  }
}
