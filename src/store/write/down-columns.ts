import { dequantize } from '../../../native-bridge/blocks.js';
import type { BundleGeometry } from '../../../native-bridge/bridge.js';
import { FORMATS, type RowFormat, rowBytes } from '../../../native-bridge/formats.js';
import type { CheckpointTensor } from '../../import/checkpoint.js';
import type { SourceReader } from './source-reader.js';

/** Weights read at once. */
const PIECE_WEIGHTS = 1 << 20;

/** Neighbouring columns of a down matrix in memory, [hiddenSize, neurons], row after row without gaps. */
export interface DownColumns {
  bytes: Buffer;
  format: RowFormat;
  hiddenSize: number;
  firstNeuron: number;
  neurons: number;
}

/**
 * The format of the columns in memory. To transpose the matrix takes blocks apart, so `by-neuron` needs single weights.
 */
export function columnsFormat(tensor: CheckpointTensor, orientation: BundleGeometry['downOrientation']): RowFormat {
  const format = tensor.format;
  return orientation === 'by-neuron' && FORMATS[format].blockSize > 1 ? 'f32' : format;
}

/** Fills `columns` with neurons from `firstNeuron` on, piece by piece. `bytes` must be large enough. */
export async function loadColumns(
  source: SourceReader,
  tensor: CheckpointTensor,
  columns: DownColumns,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { bytes, format, hiddenSize, firstNeuron, neurons } = columns;
  const from = tensor.format;
  const rowsPerPiece = Math.min(hiddenSize, Math.max(1, Math.floor(PIECE_WEIGHTS / neurons)));
  const scratch = from === format ? null : Buffer.alloc(rowBytes(from, rowsPerPiece * neurons));
  const floats = new Float32Array(bytes.buffer, bytes.byteOffset, Math.floor(bytes.length / 4));
  for (let firstRow = 0; firstRow < hiddenSize; firstRow += rowsPerPiece) {
    signal?.throwIfAborted();
    const rows = Math.min(rowsPerPiece, hiddenSize - firstRow);
    const region = { firstRow, rows, firstColumn: firstNeuron, columns: neurons };
    const into = scratch ?? bytes.subarray(firstRow * rowBytes(format, neurons));
    await source.read(tensor, region, into);
    if (scratch !== null) dequantize(from, scratch, 0, rows * neurons, floats, firstRow * neurons);
  }
}

/**
 * A native copy pays for runs of this many bytes or more. Copying words one by one is four times as fast at 80 bytes.
 */
const LONG_RUN = 512;

/**
 * Copies `count` slices of `width` neurons, each [hiddenSize, width], one after the other to the start of `into`. They
 * begin at neuron `first` of the columns. Blocks stay as they are.
 */
export function gatherSlices(columns: DownColumns, first: number, width: number, count: number, into: Buffer): void {
  const { bytes, format, hiddenSize } = columns;
  const stride = rowBytes(format, columns.neurons);
  const run = rowBytes(format, width);
  const start = rowBytes(format, first);
  if (run < LONG_RUN) {
    const edges = stride | run | start;
    const wordBytes = edges % 4 === 0 ? 4 : edges % 2 === 0 ? 2 : 1;
    const from = words(bytes, wordBytes, hiddenSize * stride);
    copyRuns(from, words(into, wordBytes, count * hiddenSize * run), {
      start: start / wordBytes,
      stride: stride / wordBytes,
      run: run / wordBytes,
      rows: hiddenSize,
    });
    return;
  }
  for (let slice = 0, to = 0; slice < count; slice++) {
    let from = start + slice * run;
    for (let row = 0; row < hiddenSize; row++, from += stride, to += run) bytes.copy(into, to, from, from + run);
  }
}

type Words = Uint32Array | Uint16Array | Uint8Array;

/** `bytes` is a whole number of words, and buffers begin on words. MXFP4's blocks of 17 bytes need single bytes. */
function words({ buffer, byteOffset }: Buffer, wordBytes: 1 | 2 | 4, bytes: number): Words {
  if (wordBytes === 4) return new Uint32Array(buffer, byteOffset, bytes / 4);
  return wordBytes === 2 ? new Uint16Array(buffer, byteOffset, bytes / 2) : new Uint8Array(buffer, byteOffset, bytes);
}

/** Fills `to` with slices of `rows` runs. All lengths are in words. */
function copyRuns(from: Words, to: Words, cut: { start: number; stride: number; run: number; rows: number }): void {
  for (let slice = cut.start, at = 0; at < to.length; slice += cut.run) {
    for (let row = 0, run = slice; row < cut.rows; row++, run += cut.stride) {
      for (let i = 0; i < cut.run; i++) to[at++] = from[run + i];
    }
  }
}

/** Weights of one side of a square tile, for the transposition. The lines of a tile fit the first-level cache. */
const TILE = 32;

/** Writes neurons from `first` on as rows [count, hiddenSize] to the start of `into`. */
export function gatherNeurons(columns: DownColumns, first: number, count: number, into: Buffer): void {
  const { bytes, format, hiddenSize, neurons } = columns;
  const wordBytes = format === 'f32' ? 4 : 2;
  const from = words(bytes, wordBytes, hiddenSize * neurons * wordBytes);
  const to = words(into, wordBytes, hiddenSize * count * wordBytes);
  for (let tileRow = 0; tileRow < hiddenSize; tileRow += TILE) {
    const lastRow = Math.min(tileRow + TILE, hiddenSize);
    for (let tile = 0; tile < count; tile += TILE) {
      const last = Math.min(tile + TILE, count);
      for (let neuron = tile; neuron < last; neuron++) {
        let at = tileRow * neurons + first + neuron;
        for (let row = tileRow; row < lastRow; row++, at += neurons) to[neuron * hiddenSize + row] = from[at];
      }
    }
  }
}
