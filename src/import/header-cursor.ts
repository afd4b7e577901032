import { isUtf8 } from 'node:buffer';
import { type OpenFile, readExactly } from '../disk/files.js';
import { FlashrowError } from '../errors.js';

const WINDOW_BYTES = 64 * 1024;

/**
 * Reads little-endian values one after another through a small window. It checks every length against the bytes that
 * are left before it allocates memory for it. All methods throw CORRUPT.
 */
export class HeaderCursor {
  /** A name for the current value, for messages. */
  context = 'the header';
  readonly #file: OpenFile;
  readonly #end: number;
  readonly #window = Buffer.allocUnsafe(WINDOW_BYTES);
  #windowStart = 0;
  #windowLength = 0;
  #position = 0;

  /** Reads from the start of `file` to at most byte `limit`. */
  constructor(file: OpenFile, limit: number) {
    this.#file = file;
    this.#end = Math.min(file.size, limit);
  }

  get position(): number {
    return this.#position;
  }

  uint8(): number {
    return this.#window.readUInt8(this.#take(1));
  }

  int8(): number {
    return this.#window.readInt8(this.#take(1));
  }

  uint16(): number {
    return this.#window.readUInt16LE(this.#take(2));
  }

  int16(): number {
    return this.#window.readInt16LE(this.#take(2));
  }

  uint32(): number {
    return this.#window.readUInt32LE(this.#take(4));
  }

  int32(): number {
    return this.#window.readInt32LE(this.#take(4));
  }

  uint64(): bigint {
    return this.#window.readBigUInt64LE(this.#take(8));
  }

  int64(): bigint {
    return this.#window.readBigInt64LE(this.#take(8));
  }

  float32(): number {
    return this.#window.readFloatLE(this.#take(4));
  }

  float64(): number {
    return this.#window.readDoubleLE(this.#take(8));
  }

  /** A 64-bit unsigned value that a JavaScript number holds exactly. */
  safeUint64(): number {
    const value = this.uint64();
    if (value > Number.MAX_SAFE_INTEGER) throw this.corrupt(`holds ${value}, which is beyond any file`);
    return Number(value);
  }

  /** A 64-bit count of entries of at least `bytesEach` bytes each. The file must have room for them. */
  count(bytesEach: number): number {
    const count = this.safeUint64();
    if (count > (this.#end - this.#position) / bytesEach)
      throw this.corrupt(
        `claims ${count} entries, for which the ${this.#end - this.#position} bytes left have no room`,
      );
    return count;
  }

  /** A 64-bit length and that many bytes of UTF-8. */
  string(maxBytes: number): string {
    const length = this.count(1);
    if (length > maxBytes) throw this.corrupt(`holds text of ${length} bytes; at most ${maxBytes} make sense here`);
    let bytes: Buffer;
    if (length <= WINDOW_BYTES) {
      const start = this.#take(length);
      bytes = this.#window.subarray(start, start + length);
    } else {
      bytes = Buffer.allocUnsafe(length);
      readExactly(this.#file, this.#position, bytes);
      this.#position += length;
    }
    if (!isUtf8(bytes)) throw this.corrupt('holds text that is not UTF-8');
    return bytes.toString('utf8');
  }

  corrupt(problem: string): FlashrowError {
    return new FlashrowError(
      'CORRUPT',
      `${this.#file.path}: ${this.context} (near byte ${this.#position}) ${problem}; the file is damaged, fetch it again`,
      { path: this.#file.path, offset: this.#position },
    );
  }

  /** Makes `bytes` bytes available and moves past them. Returns where they begin in the window. */
  #take(bytes: number): number {
    if (bytes > this.#end - this.#position)
      throw this.corrupt(`should go on for ${bytes} bytes, but only ${this.#end - this.#position} are left`);
    if (this.#position + bytes > this.#windowStart + this.#windowLength) {
      this.#windowStart = this.#position;
      this.#windowLength = Math.min(WINDOW_BYTES, this.#end - this.#position);
      readExactly(this.#file, this.#windowStart, this.#window.subarray(0, this.#windowLength));
    }
    const start = this.#position - this.#windowStart;
    this.#position += bytes;
    return start;
  }
}
