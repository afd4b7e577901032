import type { BundleGeometry } from '../../../native-bridge/bridge.js';
import type { Crc32c } from '../../../native-bridge/crc32c.js';
import { FORMATS, type RowFormat, rowBytes } from '../../../native-bridge/formats.js';
import { DEVICE_BLOCK } from '../../../native-bridge/memory.js';
import type { CheckpointTensor } from '../../import/checkpoint.js';
import { blockOf } from '../../import/tensor-format.js';
import { decodedFormat } from '../format-choice.js';
import { numBundles, partBytes } from '../geometry.js';
import type { RequantizedTensor } from '../manifest.js';
import type { OutputFile } from '../output-file.js';
import { columnsFormat, type DownColumns, gatherNeurons, gatherSlices, loadColumns } from './down-columns.js';
import { Requantizer } from './requantizer.js';
import { type SourceReader, wholeRows } from './source-reader.js';
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
    tensor: CheckpointTensor,
    from: RowFormat,
    to: RowFormat,
    readonly offset: number,
    readonly bytes: number,
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
 * Streams one layer's bundles, network after network, to their place, the end of `file`, and pads the layer to a device block.
 * Holds one group of down columns and one chunk of records at a time.
 */
export async function writeLayer(
  source: SourceReader,
  networks: readonly FeedForwardTensors[],
  geometry: BundleGeometry,
  file: OutputFile,
  crc32c: Crc32c,
  progress: WriteProgress,
): Promise<{ checksums: Uint32Array; requantized: RequantizedTensor[] }> {
  const { hiddenSize, neuronsPerBundle, downOrientation, formats, segments } = geometry;
  const { stride } = geometry.extents[0];
  // All networks of a layer are of one shape and format.
  const [tensors] = networks;
  const bundles = numBundles(geometry) / networks.length;
  const format = columnsFormat(tensors.down, downOrientation);
  const groupBundles = bundlesAtOnce(geometry, bundles, format, blockOf(tensors.down.format).blockSize);
  const chunkBundles = Math.min(groupBundles, Math.max(1, Math.floor(CHUNK_BYTES / stride)));
  const chunkWeights = chunkBundles * neuronsPerBundle * hiddenSize;

  const bytes = partBytes(geometry);
  const matrices: { name: 'gate' | 'up'; part: Part }[] = [];
  const addMatrix = (name: 'gate' | 'up', to: RowFormat, offset: number, size: number) => {
    const tensor = tensors[name]!;
    const part = new Part(tensor, decodedFormat(tensor.format), to, offset, size, chunkWeights);
    matrices.push({ name, part });
  };
  if (tensors.gate !== null) addMatrix('gate', formats.gate!, 0, bytes.gate);
  addMatrix('up', formats.up, bytes.gate, bytes.up);
  const down = new Part(tensors.down, format, formats.down, bytes.gate + bytes.up, bytes.down, chunkWeights);

  const columns: DownColumns = {
    bytes: Buffer.alloc(rowBytes(format, groupBundles * neuronsPerBundle * hiddenSize)),
    format,
    hiddenSize,
    firstNeuron: 0,
    neurons: 0,
  };
  const records = Buffer.alloc(chunkBundles * stride);
  const checksums = new Uint32Array(numBundles(geometry) * segments.length);

  const writeGroup = async (network: FeedForwardTensors, firstBundle: number, group: number) => {
    const groupEnd = Math.min(group + groupBundles, bundles);
    columns.firstNeuron = group * neuronsPerBundle;
    columns.neurons = (groupEnd - group) * neuronsPerBundle;
    await loadColumns(source, network.down, columns, progress.signal);

    for (let first = group; first < groupEnd; first += chunkBundles) {
      progress.signal?.throwIfAborted();
      const count = Math.min(chunkBundles, groupEnd - first);
      const neurons = count * neuronsPerBundle;
      for (const { name, part } of matrices) {
        const tensor = network[name]!;
        await source.read(tensor, wholeRows(tensor, first * neuronsPerBundle, neurons), part.source);
        part.place(neurons * hiddenSize, count, records, stride);
      }
      const inGroup = (first - group) * neuronsPerBundle;
      if (downOrientation === 'by-neuron') gatherNeurons(columns, inGroup, neurons, down.source);
      else gatherSlices(columns, inGroup, neuronsPerBundle, count, down.source);
      down.place(neurons * hiddenSize, count, records, stride);

      checksumRecords(geometry, records, count, crc32c, checksums.subarray((firstBundle + first) * segments.length));
      await file.write(records.subarray(0, count * stride));
      progress.onPiece();
    }
  };
  for (const [index, network] of networks.entries()) {
    for (let group = 0; group < bundles; group += groupBundles) await writeGroup(network, index * bundles, group);
  }
  await file.pad(DEVICE_BLOCK);
  const changed = [...matrices.map(({ part }) => part), down].filter(
    (part) => part.requantizer.sourceFormat !== part.requantizer.to,
  );
  return { checksums, requantized: changed.map((part) => part.requantizer.result()) };
}

/** Checksums of the first `count` records, [count, segments], into the front of `into`. */
function checksumRecords(
  { extents, segments }: BundleGeometry,
  records: Buffer,
  count: number,
  crc32c: Crc32c,
  into: Uint32Array,
): void {
  for (let bundle = 0; bundle < count; bundle++) {
    segments.forEach((segment, index) => {
      const start = bundle * extents[0].stride + segment.offset;
      into[bundle * segments.length + index] = crc32c(records.subarray(start, start + segment.bytes), 0);
    });
  }
}

/** Bundles whose down columns fit COLUMNS_BYTES in `format`; a group that is not the last ends on the edge of a source's block. */
function bundlesAtOnce(geometry: BundleGeometry, bundles: number, format: RowFormat, sourceBlock: number): number {
  const { hiddenSize, neuronsPerBundle } = geometry;
  let aligned = 1;
  while ((aligned * neuronsPerBundle) % sourceBlock !== 0) aligned++;
  const bytesPerBundle = (hiddenSize * neuronsPerBundle * FORMATS[format].blockBytes) / FORMATS[format].blockSize;
  const fitting = Math.floor(COLUMNS_BYTES / bytesPerBundle / aligned) * aligned;
  return Math.min(bundles, Math.max(fitting, aligned));
}
