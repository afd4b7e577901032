import type { BundleGeometry } from '../../native-bridge/bridge.js';
import { FORMATS, isRowFormat, type RowFormat, rowBytes } from '../../native-bridge/formats.js';
import type { Checkpoint, CheckpointTensor } from '../import/checkpoint.js';
import { residentTensors } from '../model/resident-tensors.js';
import { type LayerTensor, layerTensor } from '../model/tensor-names.js';
import { checkRequest, chooseDown, decodedFormat, type FormatRequest, matrixFormat } from './format-choice.js';
import { numBundles, partBytes } from './geometry.js';
import type { ResidentTensor } from './manifest.js';
import { chooseSlice } from './slicing.js';
import { chooseStride, DEVICE_BLOCK, roundUp } from './stride.js';

export interface LayoutOptions {
  /** Format of the streamed rows: `source` (default) or a row format. */
  rows?: string;
  /** Format of the resident matrices; norms are f32 whatever it says. Default `source`. */
  dense?: string;
}

/** Where everything will lie in a store, known before any weight is read. */
export interface StoreLayout {
  /** One extent per bundle, in file 0 (rows.bin); experts that stay where they are have three, in `external` files. */
  layers: BundleGeometry[];
  /** Files of the checkpoint that the store goes on reading; they come first among its files, and there is no rows.bin then. */
  external: Checkpoint['files'];
  /** In the order in which they lie in resident.bin. */
  resident: Omit<ResidentTensor, 'checksum'>[];
  /** Matrices whose format changes, losslessly (bf16 to f32) or not. */
  conversions: { tensor: string; from: string; to: RowFormat }[];
  rowsBytes: number;
  residentBytes: number;
  /** rows.bin and resident.bin together; tokenizer, template and manifest come on top. */
  bytes: number;
}

/** Bytes of a tensor's contiguous rows. */
export function tensorBytes(format: RowFormat, shape: readonly number[]): number {
  const columns = shape[shape.length - 1];
  return (shape.length === 1 ? 1 : shape[0]) * rowBytes(format, columns);
}

function layerGeometry(checkpoint: Checkpoint, layer: number, rows: FormatRequest): BundleGeometry {
  const { activation, gated, hiddenSize, intermediateSize } = checkpoint.spec;
  const sourceFormat = (name: LayerTensor) => tensorOf(checkpoint, layerTensor(layer, name)).format;
  const down = chooseDown(sourceFormat('down'), rows, activation, hiddenSize, intermediateSize);
  const formats = {
    gate: gated ? matrixFormat(sourceFormat('gate'), rows, hiddenSize) : null,
    up: matrixFormat(sourceFormat('up'), rows, hiddenSize),
    down: down.format,
  };

  // A slice's edge may cut neither the blocks it is stored in nor those it is read in.
  const readBlock = FORMATS[decodedFormat(sourceFormat('down'))].blockSize;
  const multipleOf = down.orientation === 'by-output' ? Math.max(FORMATS[down.format].blockSize, readBlock) : 1;
  const whole = partBytes({
    hiddenSize,
    neuronsPerBundle: intermediateSize,
    formats,
    downOrientation: down.orientation,
  });
  const bytesPerNeuron = (whole.gate + whole.up + whole.down) / intermediateSize;
  const neuronsPerBundle = activation === 'relu' ? 1 : chooseSlice(intermediateSize, bytesPerNeuron, multipleOf);

  const cut = {
    hiddenSize,
    numNeurons: intermediateSize,
    neuronsPerBundle,
    formats,
    downOrientation: down.orientation,
  };
  const part = partBytes(cut);
  const bytes = part.gate + part.up + part.down;
  // The part that a selector may keep resident comes first, alone, so that the rest can be read and checked without it.
  const first = gated ? part.gate : part.up;
  const segments =
    down.orientation === 'by-output'
      ? [{ extent: 0, offset: 0, bytes }]
      : [
          { extent: 0, offset: 0, bytes: first },
          { extent: 0, offset: first, bytes: bytes - first },
        ];
  return {
    ...cut,
    activation,
    extents: [{ file: 0, offset: 0, bytes, stride: chooseStride(bytes) }],
    parts: {
      gate: gated ? { extent: 0, offset: 0 } : null,
      up: { extent: 0, offset: part.gate },
      down: { extent: 0, offset: part.gate + part.up },
    },
    segments,
    checksums: null,
  };
}

/** An expert is a bundle. Its matrices are kept as they are, or in the format asked for. */
function expertGeometry(checkpoint: Checkpoint, layer: number, rows: FormatRequest): BundleGeometry {
  const { activation, hiddenSize, experts } = checkpoint.spec;
  const { intermediateSize, numExperts } = experts!;
  const sourceFormat = (name: LayerTensor) => tensorOf(checkpoint, layerTensor(layer, name)).format;
  const cut = {
    hiddenSize,
    numNeurons: numExperts * intermediateSize,
    neuronsPerBundle: intermediateSize,
    formats: {
      gate: matrixFormat(sourceFormat('gate'), rows, hiddenSize),
      up: matrixFormat(sourceFormat('up'), rows, hiddenSize),
      down: matrixFormat(sourceFormat('down'), rows, intermediateSize),
    },
    downOrientation: 'by-output' as const,
  };
  const part = partBytes(cut);
  const bytes = part.gate + part.up + part.down;
  return {
    ...cut,
    activation,
    extents: [{ file: 0, offset: 0, bytes, stride: chooseStride(bytes) }],
    parts: {
      gate: { extent: 0, offset: 0 },
      up: { extent: 0, offset: part.gate },
      down: { extent: 0, offset: part.gate + part.up },
    },
    segments: [{ extent: 0, offset: 0, bytes }],
    checksums: null,
  };
}

/** The same experts where the checkpoint has them: an extent for each matrix, as they lie in different tensors. */
function inPlace(checkpoint: Checkpoint, layer: number, geometry: BundleGeometry): BundleGeometry {
  const extents = (['gate', 'up', 'down'] as const).map((name) => {
    const tensor = tensorOf(checkpoint, layerTensor(layer, name));
    const bytes = tensor.bytes / tensor.shape[0];
    const file = checkpoint.files.findIndex(({ path }) => path === tensor.path);
    return { file, offset: tensor.offset, bytes, stride: bytes };
  });
  return {
    ...geometry,
    extents,
    parts: { gate: { extent: 0, offset: 0 }, up: { extent: 1, offset: 0 }, down: { extent: 2, offset: 0 } },
    segments: extents.map(({ bytes }, extent) => ({ extent, offset: 0, bytes })),
  };
}

/** Whether the experts can be streamed from the checkpoint itself: one after another, in formats that have kernels. */
function staysInPlace({ spec, tensors }: Checkpoint, rows: FormatRequest): boolean {
  if (!spec.experts || rows !== 'source') return false;
  const streams = (layer: number, name: LayerTensor) => {
    const { format, experts } = tensors.get(layerTensor(layer, name))!;
    return isRowFormat(format) && !experts;
  };
  for (let layer = 0; layer < spec.numLayers; layer++) {
    if (!streams(layer, 'gate') || !streams(layer, 'up') || !streams(layer, 'down')) return false;
  }
  return true;
}

function tensorOf(checkpoint: Checkpoint, name: string): CheckpointTensor {
  const tensor = checkpoint.tensors.get(name);
  if (tensor === undefined) throw new Error(`checkpoint ${checkpoint.path} was opened without its tensor ${name}`);
  return tensor;
}

/**
 * The layout of the store that a checkpoint converts to; pure, exact in every size.
 * Throws BAD_USAGE where an option names no format.
 */
export function planLayout(checkpoint: Checkpoint, options: LayoutOptions = {}): StoreLayout {
  const { rows = 'source', dense = 'source' } = options;
  checkRequest('rows', rows);
  checkRequest('dense', dense);
  const { spec } = checkpoint;
  const conversions: StoreLayout['conversions'] = [];
  const noteConversion = (tensor: string, to: RowFormat) => {
    const from = tensorOf(checkpoint, tensor).format;
    if (from !== to) conversions.push({ tensor, from, to });
  };

  let residentBytes = 0;
  const resident = [...residentTensors(spec).keys()].map((name) => {
    const { shape, format: source } = tensorOf(checkpoint, name);
    const format = shape.length === 1 ? 'f32' : matrixFormat(source, dense, shape[1]);
    // Norms always fit f32: nothing is lost, and nothing worth reporting happens.
    if (shape.length > 1) noteConversion(name, format);
    const bytes = tensorBytes(format, shape);
    const offset = residentBytes;
    residentBytes = roundUp(offset + bytes, DEVICE_BLOCK);
    return { name, shape: [...shape], format, offset, bytes };
  });

  const stays = staysInPlace(checkpoint, rows);
  let rowsBytes = 0;
  const layers: BundleGeometry[] = [];
  for (let layer = 0; layer < spec.numLayers; layer++) {
    const geometry = spec.experts ? expertGeometry(checkpoint, layer, rows) : layerGeometry(checkpoint, layer, rows);
    if (stays) {
      layers.push(inPlace(checkpoint, layer, geometry));
      continue;
    }
    if (geometry.formats.gate !== null) noteConversion(layerTensor(layer, 'gate'), geometry.formats.gate);
    noteConversion(layerTensor(layer, 'up'), geometry.formats.up);
    noteConversion(layerTensor(layer, 'down'), geometry.formats.down);
    geometry.extents[0].offset = rowsBytes;
    rowsBytes += roundUp(numBundles(geometry) * geometry.extents[0].stride, DEVICE_BLOCK);
    layers.push(geometry);
  }
  const external = stays ? checkpoint.files : [];
  return { layers, external, resident, conversions, rowsBytes, residentBytes, bytes: rowsBytes + residentBytes };
}
