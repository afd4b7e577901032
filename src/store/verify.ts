import { statSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { numBundles, rangeOf } from '../../native-bridge/bundles.js';
import type { Crc32c } from '../../native-bridge/crc32c.js';
import { FlashrowError } from '../errors.js';
import { type CheckedRun, checkedRuns } from './checked-runs.js';
import { MANIFEST_FILE, type Manifest } from './manifest.js';
import { PREDICTORS_FILE } from './predictors.js';
import { openStore, type Store } from './reader.js';
import type { Damage, Verification } from './verification.js';
import { findPredictorDamage } from './verify-predictors.js';

export interface VerifyOptions {
  signal?: AbortSignal;
  onProgress?: (progress: { bytes: number; totalBytes: number }) => void;
}

const WINDOW_BYTES = 4 * 1024 * 1024;

/**
 * Reads every byte of a store, its predictors included, and compares it with the checksums of conversion and
 * calibration. Damage is a result, not an error.
 * Throws NOT_FOUND where there is no store, UNSUPPORTED where it is newer than this flashrow, IO where a read fails and
 * the medium is not the cause, and the signal's reason on abort.
 */
export async function verifyStore(path: string, crc32c: Crc32c, options: VerifyOptions = {}): Promise<Verification> {
  let store: Store;
  try {
    store = openStore(path);
  } catch (error) {
    if (!(error instanceof FlashrowError) || error.code !== 'CORRUPT') throw error;
    const { file = MANIFEST_FILE, offset = 0 } = error.details;
    const firstBad = { file, layer: null, bundle: null, offset, reason: error.message };
    return { ok: false, bundles: 0, unchecked: 0, bytes: 0, firstBad };
  }

  const { manifest, files } = store;
  const totalBytes = store.bytes + predictorBytes(store);
  let bytes = store.bytes - manifest.files.reduce((sum, file) => sum + (file.external ? 0 : file.bytes), 0);
  let bundles = 0;
  let firstBad: Damage | null = null;
  const onWindow = (length: number) => {
    options.signal?.throwIfAborted();
    bytes += length;
    options.onProgress?.({ bytes, totalBytes });
  };
  for (const [index, { name, checksum, external }] of manifest.files.entries()) {
    if (external !== null) {
      firstBad ??= await findUnreadable(manifest, index, external.path, options.signal);
      continue;
    }
    const reader = await WindowReader.open(files[index], crc32c, onWindow);
    try {
      for (const run of checkedRuns(manifest, index)) {
        const damaged = await reader.findDamage(run);
        if (damaged !== null) firstBad ??= { file: name, layer: run.layer, bundle: run.bundle, offset: damaged };
        if (run.endsBundle) bundles++;
      }
      if (reader.checksum !== checksum) firstBad ??= { file: name, layer: null, bundle: null, offset: 0 };
    } finally {
      await reader.close();
    }
  }
  const badPredictor = findPredictorDamage(store, crc32c, onWindow);
  firstBad ??= badPredictor;
  const unchecked = manifest.layers
    .filter(({ checksums }) => checksums === null)
    .reduce((sum, layer) => sum + numBundles(layer), 0);
  return { ok: firstBad === null, bundles, unchecked, bytes, firstBad };
}

const predictorBytes = ({ path }: Store): number =>
  statSync(join(path, PREDICTORS_FILE), { throwIfNoEntry: false })?.size ?? 0;

/**
 * The first bundle, or else resident tensor, of an external file whose last byte cannot be read. Without checksums
 * nothing more can be tested.
 */
async function findUnreadable(
  { files, layers, resident }: Manifest,
  index: number,
  path: string,
  signal: AbortSignal | undefined,
): Promise<Damage | null> {
  const file = await openToRead(path);
  const byte = Buffer.alloc(1);
  try {
    for (const [layer, geometry] of layers.entries()) {
      for (const number of geometry.extents.keys()) {
        signal?.throwIfAborted();
        for (let bundle = 0; bundle < numBundles(geometry); bundle++) {
          const range = rangeOf(geometry, number, bundle);
          if (range?.file === index && !(await canRead(file, path, byte, range.offset + range.bytes - 1)))
            return { file: files[index].name, layer, bundle, offset: range.offset };
        }
      }
    }
    for (const tensor of resident)
      if (tensor.file === index && !(await canRead(file, path, byte, tensor.offset + tensor.bytes - 1)))
        return { file: files[index].name, layer: null, bundle: null, offset: tensor.offset };
    return null;
  } finally {
    await file.close();
  }
}

async function openToRead(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'r');
  } catch (error) {
    throw unreadable(path, error);
  }
}

async function canRead(file: FileHandle, path: string, byte: Buffer, offset: number): Promise<boolean> {
  try {
    return (await file.read(byte, 0, 1, offset)).bytesRead === 1;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EIO') throw unreadable(path, error);
    return false;
  }
}

/** Reads a file from front to back in large windows and compares runs of bytes. A run may cross windows. */
class WindowReader {
  readonly #file: FileHandle;
  readonly #path: string;
  readonly #crc32c: Crc32c;
  readonly #onWindow: (length: number) => void;
  readonly #buffer = Buffer.alloc(WINDOW_BYTES);
  #window: Buffer = this.#buffer.subarray(0, 0);
  #start = 0;
  /** CRC-32C of the file up to the window's end. */
  checksum = 0;

  private constructor(file: FileHandle, path: string, crc32c: Crc32c, onWindow: (length: number) => void) {
    this.#file = file;
    this.#path = path;
    this.#crc32c = crc32c;
    this.#onWindow = onWindow;
  }

  static async open(path: string, crc32c: Crc32c, onWindow: (length: number) => void): Promise<WindowReader> {
    return new WindowReader(await openToRead(path), path, crc32c, onWindow);
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  /** The byte at which a run's damage begins; null where the run is sound. */
  async findDamage({ offset, bytes, checksum }: CheckedRun): Promise<number | null> {
    let found = 0;
    for (let at = offset, end = offset + bytes; at < end; ) {
      if (at >= this.#start + this.#window.length && !(await this.#advance())) return at;
      const piece = this.#window.subarray(at - this.#start, end - this.#start);
      if (checksum === null) {
        const nonZero = piece.findIndex((byte) => byte !== 0);
        if (nonZero >= 0) return at + nonZero;
      } else {
        found = this.#crc32c(piece, found);
      }
      at += piece.length;
    }
    return checksum === null || found === checksum ? null : offset;
  }

  /** Reads the next window. Returns false where the medium fails or the file ends early. */
  async #advance(): Promise<boolean> {
    this.#start += this.#window.length;
    try {
      const { bytesRead } = await this.#file.read(this.#buffer, 0, WINDOW_BYTES, this.#start);
      this.#window = this.#buffer.subarray(0, bytesRead);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EIO') throw unreadable(this.#path, error);
      this.#window = this.#buffer.subarray(0, 0);
    }
    this.checksum = this.#crc32c(this.#window, this.checksum);
    this.#onWindow(this.#window.length);
    return this.#window.length > 0;
  }
}

function unreadable(path: string, error: unknown): FlashrowError {
  const { code, message } = error as NodeJS.ErrnoException;
  return new FlashrowError('IO', `cannot read ${path}: ${message}`, { path, errno: code }, { cause: error });
}
