import { type OpenFile, readExactly } from '../../disk/files.js';

/**
 * Fills `into` with a tensor's bytes from its byte `start` on. In the file, runs of `run` bytes alternate with runs of
 * another tensor. The tensor's own first run begins at `offset`. Throws CORRUPT where the file ends too early, IO.
 */
export function readInterleaved(file: OpenFile, offset: number, run: number, start: number, into: Uint8Array): void {
  const first = Math.floor(start / run);
  const runs = Math.ceil((start + into.length) / run) - first;
  // The other tensor's run after the last one may lie beyond the file.
  const span = Buffer.allocUnsafe((2 * runs - 1) * run);
  readExactly(file, offset + 2 * first * run, span);
  for (let done = 0; done < into.length; ) {
    const at = start + done - first * run;
    const within = at % run;
    const length = Math.min(run - within, into.length - done);
    const from = 2 * (at - within) + within;
    into.set(span.subarray(from, from + length), done);
    done += length;
  }
}
