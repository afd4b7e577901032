import { mkdirSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { FlashrowError } from '../errors.js';
import { asHubError, type HubOptions, type RemoteFile, requestRange } from './hub.js';
import { retrying } from './retry.js';

/** Beyond any GGUF header: vocabularies of 260,000 tokens with their merges take 16 MB. The other parts of a split file list tensors only. */
const [GGUF_BYTES, PART_BYTES] = [32 * 2 ** 20, 8 * 2 ** 20];
const MOST_HEADER_BYTES = 128 * 2 ** 20;
/** The length of a safetensors header, before it. */
const LENGTH_BYTES = 8;

/**
 * Puts files into `folder` of which only the headers are there: as long as the real ones, empty beyond. Small files are whole.
 * Throws IO, NOT_FOUND, UNSUPPORTED, CORRUPT, or the signal's reason.
 */
export async function fetchHeaders(
  repo: string,
  files: readonly RemoteFile[],
  folder: string,
  hub: HubOptions,
  signal?: AbortSignal,
): Promise<void> {
  for (const [index, file] of files.entries()) {
    const read = (end: number) => retrying(() => readStart(repo, file, end, hub, signal), signal);
    const bytes = await read(await headerBytes(file, index, read));
    const path = join(folder, file.path);
    mkdirSync(dirname(path), { recursive: true });
    const handle = await open(path, 'w');
    try {
      await handle.write(bytes);
      await handle.truncate(file.bytes);
    } finally {
      await handle.close();
    }
  }
}

async function readStart(
  repo: string,
  { path }: RemoteFile,
  end: number,
  hub: HubOptions,
  signal: AbortSignal | undefined,
): Promise<Buffer> {
  const stalled = new AbortController();
  const stall = () => setTimeout(() => stalled.abort(), hub.stallMs);
  let timer = stall();
  const chunks: Uint8Array[] = [];
  let held = 0;
  try {
    const either = AbortSignal.any([stalled.signal, ...(signal ? [signal] : [])]);
    const response = await requestRange(repo, path, 0, end, hub, either);
    for await (const chunk of response.body ?? []) {
      clearTimeout(timer);
      timer = stall();
      chunks.push(chunk);
      held += chunk.length;
      // The rest is left alone where a server sends more than it was asked for.
      if (held >= end) break;
    }
  } catch (error) {
    if (stalled.signal.aborted)
      throw new FlashrowError('IO', `${repo}/${path}: nothing came for ${hub.stallMs / 1000} s`, { retry: true });
    throw asHubError(error, `${repo}/${path}`, hub.endpoint);
  } finally {
    clearTimeout(timer);
  }
  if (held < end)
    throw new FlashrowError('CORRUPT', `${repo}/${path} ends at ${held} bytes, before the ${end} it was said to have`, {
      path,
    });
  return Buffer.concat(chunks).subarray(0, end);
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
