import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { runsOf } from '../../native-bridge/bundles.js';
import { fileError } from '../disk/files.js';
import type { Checkpoint } from '../import/checkpoint.js';
import type { StoreLayout } from './layout.js';

const PIECE_BYTES = 4 * 2 ** 20;

export interface ContentOptions {
  signal?: AbortSignal;
  /** Told what was read, and what there is to read. */
  onBytes?: (bytes: number, totalBytes: number) => void;
}

interface Range {
  path: string;
  start: number;
  /** The byte after its last one. */
  end: number;
}

/**
 * Hex SHA-256 of what conversion copies out of a checkpoint's files: all of their bytes, without tensors that stay in
 * place. Reads it all, once. Throws NOT_FOUND, IO, or the signal's reason.
 */
export async function contentDigest(
  checkpoint: Checkpoint,
  layout: StoreLayout,
  { signal, onBytes }: ContentOptions = {},
): Promise<string> {
  const ranges = copiedRanges(checkpoint, layout);
  const total = ranges.reduce((sum, { start, end }) => sum + end - start, 0);
  const hash = createHash('sha256');
  let done = 0;
  for (const { path, start, end } of ranges) {
    hash.update(`${end - start} `);
    try {
      for await (const piece of createReadStream(path, { start, end: end - 1, highWaterMark: PIECE_BYTES })) {
        signal?.throwIfAborted();
        hash.update(piece);
        done += piece.length;
        onBytes?.(done, total);
      }
    } catch (error) {
      signal?.throwIfAborted();
      throw fileError(path, error);
    }
  }
  return hash.digest('hex');
}

/** The files without the tensors that a store reads in place, in order. */
function copiedRanges({ files }: Checkpoint, { files: storeFiles, layers, resident }: StoreLayout): Range[] {
  return files.flatMap(({ path, bytes }) => {
    const file = storeFiles.findIndex(({ source }) => source === path);
    if (file < 0) return [{ path, start: 0, end: bytes }];
    const inPlace = [
      ...layers.flatMap((layer) =>
        layer.extents
          .flatMap((_, extent) => runsOf(layer, extent))
          .filter((run) => run.file === file)
          .map(({ offset, bytes }) => ({ start: offset, end: offset + bytes })),
      ),
      ...resident
        .filter((tensor) => tensor.file === file)
        .map(({ offset, bytes }) => ({ start: offset, end: offset + bytes })),
    ].sort((a, b) => a.start - b.start);
    const starts = [0, ...inPlace.map(({ end }) => end)];
    const ends = [...inPlace.map(({ start }) => start), bytes];
    return starts.map((start, index) => ({ path, start, end: ends[index] })).filter(({ start, end }) => start < end);
  });
}
