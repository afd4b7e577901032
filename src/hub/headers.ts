import { open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { makeFolder } from '../disk/folders.js';
import { freeBytes } from '../disk/free-bytes.js';
import { asWriteError } from '../disk/write-errors.js';
import { FlashrowError } from '../errors.js';
import { fetchRange, type RemoteFile } from './hub.js';
import type { HubOptions } from './hub-options.js';
import { retrying } from './retry.js';

/**
 * Beyond any GGUF header: vocabularies of 260,000 tokens with their merges take 16 MB. The other parts of a split file
 * list tensors only.
 */
const [GGUF_BYTES, PART_BYTES] = [32 * 2 ** 20, 8 * 2 ** 20];
const MOST_HEADER_BYTES = 128 * 2 ** 20;
/** The length of a safetensors header, before it. */
const LENGTH_BYTES = 8;

export interface StartOptions {
  hub: HubOptions;
  signal?: AbortSignal;
  /** Called with the bytes of one file that came, out of those wanted. */
  onBytes: (bytes: number, wantedBytes: number) => void;
}

/**
 * Puts the files into `folder` with their headers alone. They are as long as the real ones, and empty beyond the
 * header. Small files are whole.
 * Throws what `ask` throws, CORRUPT, DISK_FULL, NOT_WRITABLE, or the signal's reason.
 */
export async function fetchHeaders(
  repo: string,
  files: readonly RemoteFile[],
  folder: string,
  options: StartOptions,
): Promise<void> {
  for (const [index, file] of files.entries()) {
    const read = (end: number) => fetchStart(repo, file, end, options);
    const bytes = await read(await headerBytes(file, index, read));
    const path = join(folder, file.path);
    makeFolder(dirname(path));
    try {
      await writeSparse(path, bytes, file.bytes);
    } catch (error) {
      throw asWriteError(error, path, { neededBytes: bytes.length, freeBytes: freeBytes(path) });
    }
  }
}

/** The first `end` bytes of a file. Throws what `ask` throws, CORRUPT where it is shorter, or the signal's reason. */
export const fetchStart = (
  repo: string,
  file: RemoteFile,
  end: number,
  { hub, signal, onBytes }: StartOptions,
): Promise<Buffer> =>
  retrying(
    async () => {
      const chunks: Uint8Array[] = [];
      let held = 0;
      for await (const chunk of fetchRange(repo, file.path, 0, end, hub, signal)) {
        chunks.push(chunk);
        held += chunk.length;
        onBytes(Math.min(held, end), end);
        // A server may send more than it was asked for. The rest is left alone.
        if (held >= end) return Buffer.concat(chunks).subarray(0, end);
      }
      if (end === 0) return Buffer.alloc(0);
      throw new FlashrowError(
        'CORRUPT',
        `${repo}/${file.path} ends at ${held} bytes, before the ${end} it was said to have`,
        { path: file.path },
      );
    },
    hub,
    signal,
  );

async function writeSparse(path: string, start: Buffer, bytes: number): Promise<void> {
  const handle = await open(path, 'w');
  try {
    await handle.writeFile(start);
    await handle.truncate(bytes);
  } finally {
    await handle.close();
  }
}

async function headerBytes(file: RemoteFile, index: number, read: (end: number) => Promise<Buffer>): Promise<number> {
  if (file.path.endsWith('.gguf')) return Math.min(file.bytes, index === 0 ? GGUF_BYTES : PART_BYTES);
  if (!file.path.endsWith('.safetensors') || file.bytes < LENGTH_BYTES) return file.bytes;
  const length = Number((await read(LENGTH_BYTES)).readBigUInt64LE());
  if (length > Math.min(MOST_HEADER_BYTES, file.bytes - LENGTH_BYTES))
    throw new FlashrowError('CORRUPT', `${file.path} says that its header has ${length} bytes, which cannot be`, {
      path: file.path,
    });
  return LENGTH_BYTES + length;
}
