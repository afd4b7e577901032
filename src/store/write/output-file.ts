import { type FileHandle, open } from 'node:fs/promises';
import type { Crc32c } from '../../../native-bridge/crc32c.js';

/** CRC-32C of `bytes`, continuing from `seed` (0 to begin). */

/** The written part of a file: its length, and its CRC-32C. */
export interface Written {
  bytes: number;
  checksum: number;
}

/** A file that is written from front to back, with its checksum. */
export class OutputFile {
  readonly #file: FileHandle;
  readonly #crc32c: Crc32c;
  #bytes: number;
  #checksum: number;

  private constructor(file: FileHandle, written: Written, crc32c: Crc32c) {
    this.#file = file;
    this.#crc32c = crc32c;
    this.#bytes = written.bytes;
    this.#checksum = written.checksum;
  }

  /** Opens a file to continue after `written`. Any bytes beyond it are cut off. */
  static async open(path: string, written: Written, crc32c: Crc32c): Promise<OutputFile> {
    const file = await open(path, written.bytes === 0 ? 'w' : 'r+');
    await file.truncate(written.bytes);
    return new OutputFile(file, written, crc32c);
  }

  get written(): Written {
    return { bytes: this.#bytes, checksum: this.#checksum };
  }

  async write(bytes: Uint8Array): Promise<void> {
    for (let done = 0; done < bytes.length; ) {
      const { bytesWritten } = await this.#file.write(bytes, done, bytes.length - done, this.#bytes + done);
      done += bytesWritten;
    }
    this.#checksum = this.#crc32c(bytes, this.#checksum);
    this.#bytes += bytes.length;
  }

  /** Writes zeros up to the next multiple of `multiple` bytes. */
  async pad(multiple: number): Promise<void> {
    const over = this.#bytes % multiple;
    if (over !== 0) await this.write(Buffer.alloc(multiple - over));
  }

  /** Resolves once all written bytes would survive a power cut. */
  sync(): Promise<void> {
    return this.#file.datasync();
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}
