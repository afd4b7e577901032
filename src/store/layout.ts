import { basename } from 'node:path';
import type { BundleGeometry, PartFactors } from '../../native-bridge/bridge.js';
import { FORMATS, type RowFormat, rowBytes } from '../../native-bridge/formats.js';
import { DEVICE_BLOCK, roundUp } from '../../native-bridge/memory.js';
import type { Checkpoint, CheckpointTensor } from '../import/checkpoint.js';
import { blockOf } from '../import/tensor-format.js';
import { expertsOf, networkNeurons, streamedNeurons } from '../model/feed-forward.js';
import { residentTensors } from '../model/resident-tensors.js';
import type { ModelSpec } from '../model/spec.js';
import { type LayerTensor, layerTensor } from '../model/tensor-names.js';
import { checkRequest, chooseDown, type FormatRequest, matrixFormat } from './format-choice.js';
import { bundlePartBytes, numBundles } from './geometry.js';
import { RESIDENT_FILE, type ResidentTensor, ROWS_FILE } from './manifest.js';
import { chooseSlice } from './slicing.js';
import { chooseStride } from './stride.js';

export interface LayoutOptions {
  /** Format of the streamed rows: `source` (default) or a row format. */
  rows?: string;
  /** Format of the resident matrices. Default `source`. Norms are always f32. */
  dense?: string;
}

/** The place of everything in a store. It is known before any weight is read. */
export interface StoreLayout {
  /** The first of `Manifest.files`: files that conversion writes, and the checkpoint's own files that hold bundles. */
  files: { name: string; source: string | null }[];
  /** One extent in rows.bin, or three in files of the checkpoint. `file` is an index into `files`. */
  layers: BundleGeometry[];
  /** In the order of resident.bin. */
  resident: Omit<ResidentTensor, 'checksum'>[];
  /** Matrices whose format changes, with or without loss. From f16 or bf16 to f32 there is none. */
  conversions: { tensor: string; from: string; to: RowFormat }[];
  rowsBytes: number;
  residentBytes: number;
  /** Bytes of rows.bin and resident.bin together. Tokenizer, template and manifest are not in it. */
  bytes: number;
}

/** Bytes of a tensor's contiguous rows. */
export function tensorBytes(format: RowFormat, shape: readonly number[]): number {
  const columns = shape[shape.length - 1];
  return (shape.length === 1 ? 1 : shape[0]) * rowBytes(format, columns);
}

/** The geometry of a layer in rows.bin, as if it were the only file and the only layer. */
function layerGeometry(checkpoint: Checkpoint, layer: number, rows: FormatRequest): BundleGeometry {
  const { activation, gated, hiddenSize } = checkpoint.spec;
  const experts = expertsOf(checkpoint.spec, layer);
  const intermediateSize = networkNeurons(checkpoint.spec, layer);
  const singleNeurons = activation === 'relu' && checkpoint.spec.experts === null;
  const sourceFormat = (name: LayerTensor) => tensorOf(checkpoint, layerTensor(layer, name)).format;
  const down = chooseDown(sourceFormat('down'), rows, singleNeurons, hiddenSize, intermediateSize);
  const formats = {
    gate: gated ? matrixFormat(sourceFormat('gate'), rows, hiddenSize) : null,
    up: matrixFormat(sourceFormat('up'), rows, hiddenSize),
    down: down.format,
  };

  // A slice's edge must not cut a block, neither of the stored format nor of the source's.
  const readBlock = blockOf(sourceFormat('down')).blockSize;
  const multipleOf = down.orientation === 'by-output' ? Math.max(FORMATS[down.format].blockSize, readBlock) : 1;
  const whole = bundlePartBytes({
    hiddenSize,
    neuronsPerBundle: intermediateSize,
    formats,
    downOrientation: down.orientation,
  });
  const bytesPerNeuron = (whole.gate + whole.up + whole.down) / intermediateSize;
  const dense = singleNeurons ? 1 : chooseSlice(intermediateSize, bytesPerNeuron, multipleOf);

  const cut = {
    hiddenSize,
    numNeurons: streamedNeurons(checkpoint.spec, layer),
    neuronsPerBundle: experts ? intermediateSize : dense,
    formats,
    downOrientation: down.orientation,
  };
  const part = bundlePartBytes(cut);
  const bytes = part.gate + part.up + part.down;
  // A selector may keep the first part resident. It is a segment of its own, so the rest can be read without it.
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

const streamedParts = ({ gated }: ModelSpec): LayerTensor[] => (gated ? ['gate', 'up', 'down'] : ['up', 'down']);

/** True where a layer's experts can be read in the GGUF file itself: as stacks. */
const canStay = (checkpoint: Checkpoint, layer: number): boolean =>
  checkpoint.kind === 'gguf' &&
  expertsOf(checkpoint.spec, layer) !== null &&
  streamedParts(checkpoint.spec)
    .map((name) => tensorOf(checkpoint, layerTensor(layer, name)))
    .every((tensor) => expertStride(tensor) !== null);

/** Bytes from one expert of a stack to the next; null where they lie in several places. */
function expertStride({ bytes, shape, parts, path, layout }: CheckpointTensor): number | null {
  if (parts === undefined) return bytes / shape[0];
  if (layout !== undefined || parts.length !== shape[0]) return null;
  const stride = parts.length > 1 ? parts[1].offset - parts[0].offset : bytes;
  const even = parts.every((part, e) => part.path === path && part.offset === parts[0].offset + e * stride);
  return even && stride >= bytes / shape[0] ? stride : null;
}

/** The geometry of a layer that stays in place: gate, up and down have an extent each, expert after expert. */
function inPlaceGeometry(checkpoint: Checkpoint, layer: number, fileOf: (path: string) => number): BundleGeometry {
  const { spec } = checkpoint;
  const { numExperts, intermediateSize } = spec.experts!;
  const names = streamedParts(spec);
  const extents = names.map((name) => {
    const tensor = tensorOf(checkpoint, layerTensor(layer, name));
    const stride = expertStride(tensor)!;
    return { file: fileOf(tensor.path), offset: tensor.offset, bytes: tensor.bytes / numExperts, stride };
  });
  const format = (name: LayerTensor) => tensorOf(checkpoint, layerTensor(layer, name)).format;
  const part = (name: LayerTensor) => ({ extent: names.indexOf(name), offset: 0 });
  return {
    hiddenSize: spec.hiddenSize,
    numNeurons: streamedNeurons(spec, layer),
    neuronsPerBundle: intermediateSize,
    formats: { gate: spec.gated ? format('gate') : null, up: format('up'), down: format('down') },
    downOrientation: 'by-output',
    activation: spec.activation,
    extents,
    parts: { gate: spec.gated ? part('gate') : null, up: part('up'), down: part('down') },
    segments: extents.map(({ bytes }, extent) => ({ extent, offset: 0, bytes })),
    checksums: null,
  };
}

/** The factors of a layer's streamed tensors; null where it has none. */
function layerFactors(checkpoint: Checkpoint, layer: number): PartFactors | null {
  const of = (name: 'gate' | 'up' | 'down') => checkpoint.tensors.get(layerTensor(layer, name))?.factors ?? null;
  const factors = { gate: of('gate'), up: of('up'), down: of('down') };
  return Object.values(factors).every((list) => list === null) ? null : factors;
}

function tensorOf(checkpoint: Checkpoint, name: string): CheckpointTensor {
  const tensor = checkpoint.tensors.get(name);
  if (tensor === undefined) throw new Error(`checkpoint ${checkpoint.path} was opened without its tensor ${name}`);
  return tensor;
}

/**
 * The layout of the store that a checkpoint converts to. All sizes are exact, and nothing is read or written.
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
    const { shape, format: source, factors } = tensorOf(checkpoint, name);
    const format = shape.length === 1 ? 'f32' : matrixFormat(source, dense, shape[1]);
    // Norms always fit f32 without loss, so they are no news for a report.
    if (shape.length > 1) noteConversion(name, format);
    const bytes = tensorBytes(format, shape);
    const offset = residentBytes;
    residentBytes = roundUp(offset + bytes, DEVICE_BLOCK);
    return { name, shape: [...shape], format, offset, bytes, ...(factors && { factor: factors[0] }) };
  });

  const stays = Array.from({ length: spec.numLayers }, (_, layer) => rows === 'source' && canStay(checkpoint, layer));
  const written = stays.includes(false) ? [ROWS_FILE, RESIDENT_FILE] : [RESIDENT_FILE];
  const files: StoreLayout['files'] = written.map((name) => ({ name, source: null }));
  const fileOf = (path: string) => {
    const found = files.findIndex(({ source }) => source === path);
    return found >= 0 ? found : files.push({ name: basename(path), source: path }) - 1;
  };

  let rowsBytes = 0;
  const layers = stays.map((stay, layer) => {
    if (stay) return inPlaceGeometry(checkpoint, layer, fileOf);
    const geometry = layerGeometry(checkpoint, layer, rows);
    if (geometry.formats.gate !== null) noteConversion(layerTensor(layer, 'gate'), geometry.formats.gate);
    noteConversion(layerTensor(layer, 'up'), geometry.formats.up);
    noteConversion(layerTensor(layer, 'down'), geometry.formats.down);
    geometry.extents[0].offset = rowsBytes;
    rowsBytes += roundUp(numBundles(geometry) * geometry.extents[0].stride, DEVICE_BLOCK);
    return geometry;
  });
  for (const [layer, geometry] of layers.entries()) geometry.factors = layerFactors(checkpoint, layer);
  return { files, layers, resident, conversions, rowsBytes, residentBytes, bytes: rowsBytes + residentBytes };
}

/** True where a layer of this layout stays in the checkpoint's own files. */
export const isInPlace = ({ files }: Pick<StoreLayout, 'files'>, { extents }: BundleGeometry): boolean =>
  files[extents[0].file].source !== null;
