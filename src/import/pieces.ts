import type { CheckpointTensor, Place } from './checkpoint.js';

/** Which of a tensor's parts hold `length` of its bytes from byte `start` on, in order; `within` counts from the part's own start. */
export function* piecesOf(
  tensor: Pick<CheckpointTensor, 'path' | 'offset' | 'scales' | 'bytes' | 'parts'>,
  start: number,
  length: number,
): Generator<{ part: Place; within: number; length: number }> {
  const parts = tensor.parts ?? [tensor];
  const partBytes = tensor.bytes / parts.length;
  for (let at = start; at < start + length; ) {
    const part = Math.floor(at / partBytes);
    const within = at - part * partBytes;
    const piece = Math.min(start + length - at, partBytes - within);
    yield { part: parts[part], within, length: piece };
    at += piece;
  }
}
