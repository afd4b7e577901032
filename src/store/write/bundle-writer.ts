import type { BundleGeometry } from '../../../native-bridge/bridge.js';
import { numBundles } from '../../../native-bridge/bundles.js';
import type { Crc32c } from '../../../native-bridge/crc32c.js';
import { FORMATS, type RowFormat, rowBytes } from '../../../native-bridge/formats.js';
import { DEVICE_BLOCK } from '../../../native-bridge/memory.js';
import type { CheckpointTensor } from '../../import/checkpoint.js';
import { blockOf } from '../../import/tensor-format.js';
import { bundlePartBytes } from '../geometry.js';
import type { RequantizedTensor } from '../manifest.js';
import { BundlePart } from './bundle-part.js';
import { columnsFormat, type DownColumns, gatherNeurons, gatherSlices, loadColumns } from './down-columns.js';
import type { OutputFile } from './output-file.js';
import { type SourceReader, wholeRows } from './source-reader.js';
import type { WriteProgress } from './write-progress.js';

/** Most bytes of a down matrix in memory. Most matrices fit whole, and are then read from front to back. */
const COLUMNS_BYTES = 96 * 1024 * 1024;
/** Bytes of records that are written at once. */
const CHUNK_BYTES = 4 * 1024 * 1024;

export interface FeedForwardTensors {
  /** Null where the network is not gated. */
  gate: CheckpointTensor | null;
  up: CheckpointTensor;
  down: CheckpointTensor;
}

/**
 * Streams one layer's bundles, network after network, to the end of `file`, and pads the layer to a device block.
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
  const writer = new LayerWriter(networks, geometry, { source, file, crc32c, progress });
  for (const [index, network] of networks.entries()) await writer.writeNetwork(network, index);
  await file.pad(DEVICE_BLOCK);
  return { checksums: writer.checksums, requantized: writer.requantized() };
}

interface Surroundings {
  source: SourceReader;
  file: OutputFile;
  crc32c: Crc32c;
  progress: WriteProgress;
}

class LayerWriter {
  /** CRC-32C [numBundles, segments]. */
  readonly checksums: Uint32Array;
  readonly #geometry: BundleGeometry;
  readonly #around: Surroundings;
  /** Bundles of one network. */
  readonly #bundles: number;
  /** Bundles whose down columns are in memory together. */
  readonly #groupBundles: number;
  /** Bundles whose records are written together. */
  readonly #chunkBundles: number;
  readonly #matrices: { name: 'gate' | 'up'; part: BundlePart }[] = [];
  readonly #down: BundlePart;
  readonly #columns: DownColumns;
  readonly #records: Buffer;

  /** All networks of a layer have one shape and one format. */
  constructor(networks: readonly FeedForwardTensors[], geometry: BundleGeometry, around: Surroundings) {
    const { hiddenSize, neuronsPerBundle, downOrientation, formats, segments } = geometry;
    const { stride } = geometry.extents[0];
    const [tensors] = networks;
    const format = columnsFormat(tensors.down, downOrientation);
    this.#geometry = geometry;
    this.#around = around;
    this.#bundles = numBundles(geometry) / networks.length;
    this.#groupBundles = bundlesAtOnce(geometry, this.#bundles, format, blockOf(tensors.down.format).blockSize);
    this.#chunkBundles = Math.min(this.#groupBundles, Math.max(1, Math.floor(CHUNK_BYTES / stride)));
    const chunkWeights = this.#chunkBundles * neuronsPerBundle * hiddenSize;

    const bytes = bundlePartBytes(geometry);
    const addMatrix = (name: 'gate' | 'up', to: RowFormat, offset: number) => {
      const tensor = tensors[name]!;
      const place = { format: to, offset, bytes: bytes[name] };
      this.#matrices.push({ name, part: new BundlePart(tensor, tensor.format, place, chunkWeights) });
    };
    if (tensors.gate !== null) addMatrix('gate', formats.gate!, 0);
    addMatrix('up', formats.up, bytes.gate);
    const downPlace = { format: formats.down, offset: bytes.gate + bytes.up, bytes: bytes.down };
    this.#down = new BundlePart(tensors.down, format, downPlace, chunkWeights);
    this.#columns = {
      bytes: Buffer.alloc(rowBytes(format, this.#groupBundles * neuronsPerBundle * hiddenSize)),
      format,
      hiddenSize,
      firstNeuron: 0,
      neurons: 0,
    };
    this.#records = Buffer.alloc(this.#chunkBundles * stride);
    this.checksums = new Uint32Array(numBundles(geometry) * segments.length);
  }

  async writeNetwork(network: FeedForwardTensors, index: number): Promise<void> {
    for (let group = 0; group < this.#bundles; group += this.#groupBundles)
      await this.#writeGroup(network, index * this.#bundles, group);
  }

  /** The tensors whose format has changed. */
  requantized(): RequantizedTensor[] {
    const parts = [...this.#matrices.map(({ part }) => part), this.#down];
    return parts.map((part) => part.requantized()).filter((loss) => loss !== null);
  }

  /** Writes the bundles from `group` on whose columns fit memory. The network begins at the layer's `firstBundle`. */
  async #writeGroup(network: FeedForwardTensors, firstBundle: number, group: number): Promise<void> {
    const { source, progress } = this.#around;
    const { neuronsPerBundle } = this.#geometry;
    const groupEnd = Math.min(group + this.#groupBundles, this.#bundles);
    this.#columns.firstNeuron = group * neuronsPerBundle;
    this.#columns.neurons = (groupEnd - group) * neuronsPerBundle;
    await loadColumns(source, network.down, this.#columns, progress.signal);
    for (let first = group; first < groupEnd; first += this.#chunkBundles) {
      progress.signal?.throwIfAborted();
      const count = Math.min(this.#chunkBundles, groupEnd - first);
      await this.#fillRecords(network, first, count, first - group);
      await this.#writeRecords(firstBundle + first, count);
    }
  }

  /** `inGroup` counts the bundles of the group before `first`. */
  async #fillRecords(network: FeedForwardTensors, first: number, count: number, inGroup: number): Promise<void> {
    const { hiddenSize, neuronsPerBundle, downOrientation, extents } = this.#geometry;
    const [{ stride }] = extents;
    const neurons = count * neuronsPerBundle;
    for (const { name, part } of this.#matrices) {
      const tensor = network[name]!;
      await this.#around.source.read(tensor, wholeRows(tensor, first * neuronsPerBundle, neurons), part.source);
      part.copyTo(this.#records, stride, neurons * hiddenSize, count);
    }
    const [columns, into, from] = [this.#columns, this.#down.source, inGroup * neuronsPerBundle];
    if (downOrientation === 'by-neuron') gatherNeurons(columns, from, neurons, into);
    else gatherSlices(columns, from, neuronsPerBundle, count, into);
    this.#down.copyTo(this.#records, stride, neurons * hiddenSize, count);
  }

  async #writeRecords(firstBundle: number, count: number): Promise<void> {
    const { file, crc32c, progress } = this.#around;
    const { segments, extents } = this.#geometry;
    const [{ stride }] = extents;
    for (let bundle = 0; bundle < count; bundle++) {
      segments.forEach((segment, index) => {
        const start = bundle * stride + segment.offset;
        const run = this.#records.subarray(start, start + segment.bytes);
        this.checksums[(firstBundle + bundle) * segments.length + index] = crc32c(run, 0);
      });
    }
    await file.write(this.#records.subarray(0, count * stride));
    progress.onPiece();
  }
}

/**
 * The number of bundles whose down columns fit COLUMNS_BYTES in `format`. Every group but the last ends on the edge of
 * a source's block.
 */
function bundlesAtOnce(geometry: BundleGeometry, bundles: number, format: RowFormat, sourceBlock: number): number {
  const { hiddenSize, neuronsPerBundle } = geometry;
  let aligned = 1;
  while ((aligned * neuronsPerBundle) % sourceBlock !== 0) aligned++;
  const bytesPerBundle = (hiddenSize * neuronsPerBundle * FORMATS[format].blockBytes) / FORMATS[format].blockSize;
  const fitting = Math.floor(COLUMNS_BYTES / bytesPerBundle / aligned) * aligned;
  return Math.min(bundles, Math.max(fitting, aligned));
}
