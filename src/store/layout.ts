import { basename } from 'node:path';
import type { BundleGeometry, PartFactors } from '../../native-bridge/bridge.js';
import { numBundles } from '../../native-bridge/bundles.js';
import { FORMATS, type RowFormat, rowBytes } from '../../native-bridge/formats.js';
import { DEVICE_BLOCK, roundUp } from '../../native-bridge/memory.js';
import type { Checkpoint } from '../import/checkpoint.js';
import { blockOf } from '../import/tensor-format.js';
import { expertsOf, networkNeurons, networkWidth, streamedNeurons } from '../model/feed-forward.js';
import { residentTensors } from '../model/resident-tensors.js';
import { type LayerTensor, layerTensor } from '../model/tensor-names.js';
import { checkRequest, chooseDown, type FormatRequest, matrixFormat } from './format-choice.js';
import { bundlePartBytes } from './geometry.js';
import { canStay, denseInPlace, expertsInPlace, streamedParts, tensorOf, whyCopied } from './in-place.js';
import { RESIDENT_FILE, type ResidentTensor, ROWS_FILE } from './manifest.js';
import { chooseSlice } from './slicing.js';
import { chooseStride } from './stride.js';

export interface LayoutOptions {
  /** Format of the streamed rows: `source` (default) or a row format. */
  rows?: string;
  /** Format of the resident matrices. Default `source`. Norms are always f32. */
  dense?: string;
  /**
   * Reads what it can where the checkpoint has it, and writes the rest. Default false: experts of GGUF files are read
   * in place, and everything else is written.
   */
  inPlace?: boolean;
}

/** The place of everything in a store. It is known before any weight is read. */
export interface StoreLayout {
  /** The first of `Manifest.files`: files that conversion writes, and the checkpoint's own files that hold bundles. */
  files: { name: string; source: string | null }[];
  /** One extent in rows.bin, or one for each matrix in files of the checkpoint. `file` is an index into `files`. */
  layers: BundleGeometry[];
  /** In the order of the model. Those with resident.bin as their file lie in it in this order. */
  resident: Omit<ResidentTensor, 'checksum'>[];
  /** Matrices whose format changes, with or without loss. From f16 or bf16 to f32 there is none. */
  conversions: { tensor: string; from: string; to: RowFormat }[];
  /** Matrices that must be written although the others are read in place, by their names in the checkpoint. */
  copied: { tensor: string; why: string }[];
  /** Whether any matrix is written. Where none is, the store is a few vectors and the text side. */
  writesMatrices: boolean;
  rowsBytes: number;
  /** Bytes of resident.bin. */
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
  const { activation, gated } = checkpoint.spec;
  const hiddenSize = networkWidth(checkpoint.spec, layer);
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

/** The factors of a layer's streamed tensors; null where it has none. */
function layerFactors(checkpoint: Checkpoint, layer: number): PartFactors | null {
  const of = (name: 'gate' | 'up' | 'down') => checkpoint.tensors.get(layerTensor(layer, name))?.factors ?? null;
  const factors = { gate: of('gate'), up: of('up'), down: of('down') };
  return Object.values(factors).every((list) => list === null) ? null : factors;
}

/** Chooses which layers stay in the checkpoint's files. ReLU models do not: their neurons are read one by one. */
function staying(checkpoint: Checkpoint, rows: FormatRequest, inPlace: boolean): boolean[] {
  const { experts, activation, numLayers } = checkpoint.spec;
  const ofGguf = checkpoint.kind === 'gguf';
  // A mixture whose experts must be written is written whole.
  const stacked = experts === null || ofGguf || canStay(checkpoint, experts.leadingDenseLayers);
  const mayStay = (layer: number) =>
    ((ofGguf && expertsOf(checkpoint.spec, layer) !== null) || (inPlace && activation !== 'relu')) &&
    canStay(checkpoint, layer);
  return Array.from({ length: numLayers }, (_, layer) => rows === 'source' && stacked && mayStay(layer));
}

/**
 * The layout of the store that a checkpoint converts to. All sizes are exact, and nothing is read or written.
 * Throws BAD_USAGE where an option names no format.
 */
export function planLayout(checkpoint: Checkpoint, options: LayoutOptions = {}): StoreLayout {
  const { rows = 'source', dense = 'source', inPlace = false } = options;
  checkRequest('rows', rows);
  checkRequest('dense', dense);
  const stays = staying(checkpoint, rows, inPlace);
  const written = stays.includes(false) ? [ROWS_FILE, RESIDENT_FILE] : [RESIDENT_FILE];
  const files: StoreLayout['files'] = written.map((name) => ({ name, source: null }));
  const fileOf = (path: string) => {
    const found = files.findIndex(({ source }) => source === path);
    return found >= 0 ? found : files.push({ name: basename(path), source: path }) - 1;
  };
  const reads = inPlace && stays.includes(true);
  const { resident, residentBytes } = placeResident(checkpoint, dense, reads ? fileOf : null, files);

  let rowsBytes = 0;
  const layers = stays.map((stay, layer) => {
    if (stay && expertsOf(checkpoint.spec, layer)) return expertsInPlace(checkpoint, layer, fileOf);
    const geometry = layerGeometry(checkpoint, layer, rows);
    if (stay) return denseInPlace(checkpoint, layer, geometry.neuronsPerBundle, fileOf);
    geometry.extents[0].offset = rowsBytes;
    rowsBytes += roundUp(numBundles(geometry) * geometry.extents[0].stride, DEVICE_BLOCK);
    return geometry;
  });
  for (const [layer, geometry] of layers.entries()) geometry.factors = layerFactors(checkpoint, layer);
  const placed = { files, layers, resident };
  return {
    ...placed,
    ...changes(checkpoint, placed, reads),
    writesMatrices:
      rowsBytes > 0 || resident.some(({ file, shape }) => shape.length > 1 && files[file].source === null),
    rowsBytes,
    residentBytes,
    bytes: rowsBytes + residentBytes,
  };
}

/**
 * The places of resident tensors. With `fileOf`, matrices stay in the checkpoint's files where they can. Vectors are
 * small, and are always written.
 */
function placeResident(
  checkpoint: Checkpoint,
  dense: FormatRequest,
  fileOf: ((path: string) => number) | null,
  files: StoreLayout['files'],
): Pick<StoreLayout, 'resident' | 'residentBytes'> {
  const ownFile = files.findIndex(({ name }) => name === RESIDENT_FILE);
  let residentBytes = 0;
  const resident = [...residentTensors(checkpoint.spec).keys()].map((name) => {
    const tensor = tensorOf(checkpoint, name);
    const shape = [...tensor.shape];
    const format = shape.length === 1 ? 'f32' : matrixFormat(tensor.format, dense, shape[1]);
    const bytes = tensorBytes(format, shape);
    const factor = tensor.factors && { factor: tensor.factors[0] };
    if (fileOf && shape.length > 1 && format === tensor.format && whyCopied(tensor) === null)
      return { name, shape, format, file: fileOf(tensor.path), offset: tensor.offset, bytes, ...factor };
    const offset = residentBytes;
    residentBytes = roundUp(offset + bytes, DEVICE_BLOCK);
    return { name, shape, format, file: ownFile, offset, bytes, ...factor };
  });
  return { resident, residentBytes };
}

/** The matrices that are not read as the checkpoint has them. */
function changes(
  checkpoint: Checkpoint,
  layout: Pick<StoreLayout, 'files' | 'layers' | 'resident'>,
  reads: boolean,
): Pick<StoreLayout, 'conversions' | 'copied'> {
  const conversions: StoreLayout['conversions'] = [];
  const copied: StoreLayout['copied'] = [];
  const note = (name: string, to: RowFormat, written: boolean) => {
    const tensor = tensorOf(checkpoint, name);
    if (tensor.format !== to) conversions.push({ tensor: name, from: tensor.format, to });
    const why = reads && written ? whyCopied(tensor) : null;
    if (why !== null) copied.push({ tensor: tensor.sourceName, why });
  };
  // Vectors always fit f32 without loss, so they are no news for a report.
  for (const { name, shape, format, file } of layout.resident)
    if (shape.length > 1) note(name, format, layout.files[file].source === null);
  layout.layers.forEach((geometry, layer) => {
    for (const part of streamedParts(checkpoint.spec))
      note(layerTensor(layer, part), geometry.formats[part]!, !isInPlace(layout, geometry));
  });
  return { conversions, copied };
}

/** True where a layer of this layout stays in the checkpoint's own files. */
export const isInPlace = ({ files }: Pick<StoreLayout, 'files'>, { extents }: BundleGeometry): boolean =>
  files[extents[0].file].source !== null;
