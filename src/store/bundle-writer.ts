import type { BundleGeometry } from '../../native-bridge/bridge.js';
import { FORMATS, type RowFormat, rowBytes } from '../../native-bridge/formats.js';
import type { CheckpointTensor } from '../import/checkpoint.js';
import { blockOf } from '../import/source-tensor.js';
import { columnsFormat, type DownColumns, gatherNeurons, gatherSlices, loadColumns } from './down-columns.js';
import { decodedFormat } from './format-choice.js';
import { numBundles, partBytes } from './geometry.js';
import type { RequantizedTensor } from './manifest.js';
import type { Crc32c, OutputFile } from './output-file.js';
import { Requantizer } from './requantizer.js';
import { type SourceReader, wholeRows } from './source-reader.js';
import { DEVICE_BLOCK } from './stride.js';
import type { WriteProgress } from './write-progress.js';

/** How much of a down matrix is held at once: most fit whole, and are then read from front to back. */
const COLUMNS_BYTES = 96 * 1024 * 1024;
/** Records written at once. */
const CHUNK_BYTES = 4 * 1024 * 1024;

export interface FeedForwardTensors {
  /** Null where the network is not gated. */
  gate: CheckpointTensor | null;
  up: CheckpointTensor;
  down: CheckpointTensor;
}

/** One part of every bundle, on its way: read as `from`, stored as `to`, at `offset` in the record. */
class Part {
  readonly source: Buffer;
  readonly stored: Buffer;
  readonly requantizer: Requantizer;

  constructor(
    readonly tensor: CheckpointTensor,
    from: RowFormat,
    to: RowFormat,
    readonly offset: number,
    readonly bytes: number,
    /** Rows of the tensor in one bundle. */
    readonly rowsPerBundle: number,
    chunkWeights: number,
  ) {
    this.requantizer = new Requantizer(tensor.name, tensor.format, from, to);
    this.source = Buffer.alloc(rowBytes(from, chunkWeights));
    this.stored = from === to ? this.source : Buffer.alloc(rowBytes(to, chunkWeights));
  }

  /** Converts `weights` weights where formats differ, and puts each bundle's share into its record. */
  place(weights: number, bundles: number, records: Buffer, stride: number): void {
    if (this.stored !== this.source) this.requantizer.convert(this.source, weights, this.stored);
    for (let bundle = 0, from = 0; bundle < bundles; bundle++, from += this.bytes) {
      this.stored.copy(records, bundle * stride + this.offset, from, from + this.bytes);
    }
  }
}

/**
 * Streams one layer's bundles to their place, the end of `file`, and pads the layer to a device block.
 * Holds one group of down columns and one chunk of records at a time.
 */
export async function writeLayer(
  source: SourceReader,
  tensors: FeedForwardTensors,
  geometry: BundleGeometry,
  file: OutputFile,
  crc32c: Crc32c,
  progress: WriteProgress,
): Promise<{ checksums: Uint32Array; requantized: RequantizedTensor[] }> {
  const { hiddenSize, neuronsPerBundle, downOrientation, formats, segments } = geometry;
  const { stride } = geometry.extents[0];
  const bundles = numBundles(geometry);
  const format = columnsFormat(tensors.down, downOrientation);
  const groupBundles = bundlesAtOnce(geometry, format, blockOf(tensors.down.format).blockSize);
  const chunkBundles = Math.min(groupBundles, Math.max(1, Math.floor(CHUNK_BYTES / stride)));
  const chunkWeights = chunkBundles * neuronsPerBundle * hiddenSize;

  const bytes = partBytes(geometry);
  const matrices: Part[] = [];
  const addMatrix = (tensor: CheckpointTensor, to: RowFormat, offset: number, size: number, rows: number) =>
    matrices.push(new Part(tensor, decodedFormat(tensor.format), to, offset, size, rows, chunkWeights));
  if (tensors.gate !== null) addMatrix(tensors.gate, formats.gate!, 0, bytes.gate, neuronsPerBundle);
  addMatrix(tensors.up, formats.up, bytes.gate, bytes.up, neuronsPerBundle);
  const downOffset = bytes.gate + bytes.up;
  const whole = tensors.down.shape.length === 3;
  // A whole expert's down rows are one run in the checkpoint; a slice's have to be gathered.
  if (whole) addMatrix(tensors.down, formats.down, downOffset, bytes.down, hiddenSize);
  const down = whole
    ? null
    : new Part(tensors.down, format, formats.down, downOffset, bytes.down, hiddenSize, chunkWeights);

  const columns: DownColumns = {
    bytes: Buffer.alloc(down ? rowBytes(format, groupBundles * neuronsPerBundle * hiddenSize) : 0),
    format,
    hiddenSize,
    firstNeuron: 0,
    neurons: 0,
  };
  const records = Buffer.alloc(chunkBundles * stride);
  const checksums = new Uint32Array(bundles * segments.length);

  for (let group = 0; group < bundles; group += groupBundles) {
    const groupEnd = Math.min(group + groupBundles, bundles);
    columns.firstNeuron = group * neuronsPerBundle;
    columns.neurons = (groupEnd - group) * neuronsPerBundle;
    if (down) await loadColumns(source, tensors.down, columns, progress.signal);

    for (let first = group; first < groupEnd; first += chunkBundles) {
      progress.signal?.throwIfAborted();
      const count = Math.min(chunkBundles, groupEnd - first);
      const neurons = count * neuronsPerBundle;
      for (const part of matrices) {
        await source.read(
          part.tensor,
          wholeRows(part.tensor, first * part.rowsPerBundle, count * part.rowsPerBundle),
          part.source,
        );
        part.place(neurons * hiddenSize, count, records, stride);
      }
      const inGroup = (first - group) * neuronsPerBundle;
      if (down) {
        if (downOrientation === 'by-neuron') gatherNeurons(columns, inGroup, neurons, down.source);
        else gatherSlices(columns, inGroup, neuronsPerBundle, count, down.source);
        down.place(neurons * hiddenSize, count, records, stride);
      }

      for (let bundle = 0; bundle < count; bundle++) {
        segments.forEach((segment, index) => {
          const start = bundle * stride + segment.offset;
          const run = records.subarray(start, start + segment.bytes);
          checksums[(first + bundle) * segments.length + index] = crc32c(run, 0);
        });
      }
      await file.write(records.subarray(0, count * stride));
      progress.onPiece();
    }
  }
  await file.pad(DEVICE_BLOCK);
  const changed = (down ? [...matrices, down] : matrices).filter(
    (part) => part.requantizer.sourceFormat !== part.requantizer.to,
  );
  return { checksums, requantized: changed.map((part) => part.requantizer.result()) };
}

/** Bundles whose down columns fit COLUMNS_BYTES in `format`; a group that is not the last ends on the edge of a source's block. */
function bundlesAtOnce(geometry: BundleGeometry, format: RowFormat, sourceBlock: number): number {
  const { hiddenSize, neuronsPerBundle } = geometry;
  const bundles = numBundles(geometry);
  let aligned = 1;
  while ((aligned * neuronsPerBundle) % sourceBlock !== 0) aligned++;
  const bytesPerBundle = (hiddenSize * neuronsPerBundle * FORMATS[format].blockBytes) / FORMATS[format].blockSize;
  const fitting = Math.floor(COLUMNS_BYTES / bytesPerBundle / aligned) * aligned;
  return Math.min(bundles, Math.max(fitting, aligned));
}
