import { existsSync, readFileSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { Packr } from '#msgpackr';
import type { Crc32c } from '../../../native-bridge/crc32c.js';
import { writeFully } from '../../disk/write-fully.js';
import type { RequantizedTensor } from '../manifest.js';
import type { Written } from './output-file.js';

/** The result of one step of a conversion that is safe on disk. */
export interface JournalEntry {
  /** The written parts of the two files after the step. */
  rows: Written;
  resident: Written;
  /** CRC-32C of each resident tensor of the step, in order; null where it stays in the checkpoint. */
  residentChecksums: (number | null)[];
  /** CRC-32C of the layer's bundles, little-endian uint32; null for steps that write no bundles. */
  bundleChecksums: Uint8Array | null;
  requantized: RequantizedTensor[];
}

const HEADER_BYTES = 8;
const packr = new Packr({ useRecords: false });

/** The journal of an earlier run. Without one, `key` is null and `bytes` is 0. */
export interface JournalLeft {
  /** Identifies the source and the layout. */
  key: unknown;
  done: JournalEntry[];
  /** The byte at which the last whole record ends. */
  bytes: number;
}

/**
 * The progress of a half-done conversion: records of [bytes uint32][CRC-32C uint32][MessagePack]. The first record is
 * the key. A record is appended once its data is safe. A torn record at the end is ignored.
 */
export class Journal {
  readonly #file: FileHandle;
  readonly #crc32c: Crc32c;
  #bytes: number;

  private constructor(file: FileHandle, bytes: number, crc32c: Crc32c) {
    this.#file = file;
    this.#bytes = bytes;
    this.#crc32c = crc32c;
  }

  static async begin(path: string, key: string, crc32c: Crc32c): Promise<Journal> {
    const journal = new Journal(await open(path, 'w'), 0, crc32c);
    try {
      await journal.#append(key);
    } catch (error) {
      await journal.close();
      throw error;
    }
    return journal;
  }

  static async resume(path: string, left: JournalLeft, crc32c: Crc32c): Promise<Journal> {
    return new Journal(await open(path, 'r+'), left.bytes, crc32c);
  }

  /** Resolves once the step would survive a power cut. */
  append(entry: JournalEntry): Promise<void> {
    return this.#append(entry);
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  async #append(value: unknown): Promise<void> {
    const body = packr.pack(value);
    const record = Buffer.alloc(HEADER_BYTES + body.length);
    record.writeUInt32LE(body.length, 0);
    record.writeUInt32LE(this.#crc32c(body, 0), 4);
    body.copy(record, HEADER_BYTES);
    writeFully(this.#file.fd, record, this.#bytes);
    this.#bytes += record.length;
    await this.#file.datasync();
  }
}

/** The whole records of the journal at `path`. A missing file has none. */
export function readJournal(path: string, crc32c: Crc32c): JournalLeft {
  const values: unknown[] = [];
  const data = existsSync(path) ? readFileSync(path) : Buffer.alloc(0);
  let at = 0;
  while (at + HEADER_BYTES < data.length) {
    const end = at + HEADER_BYTES + data.readUInt32LE(at);
    const body = data.subarray(at + HEADER_BYTES, end);
    // A power cut may leave zeros at the end, and they look sound: the CRC of no bytes is 0.
    if (body.length === 0 || end > data.length || crc32c(body, 0) !== data.readUInt32LE(at + 4)) break;
    values.push(packr.unpack(body));
    at = end;
  }
  return { key: values[0] ?? null, done: values.slice(1) as JournalEntry[], bytes: at };
}
