import type { CheckpointTensor } from './checkpoint.js';

/** Where `length` bytes of a tensor from its byte `start` on lie, piece by piece, in order. */
export function* piecesOf(
  tensor: Pick<CheckpointTensor, 'path' | 'offset' | 'bytes' | 'parts'>,
  start: number,
  length: number,
): Generator<{ path: string; offset: number; length: number }> {
  const parts = tensor.parts ?? [tensor];
  const partBytes = tensor.bytes / parts.length;
  for (let at = start; at < start + length; ) {
    const part = Math.floor(at / partBytes);
    const within = at - part * partBytes;
    const piece = Math.min(start + length - at, partBytes - within);
    yield { path: parts[part].path, offset: parts[part].offset + within, length: piece };
    at += piece;
  }
}
