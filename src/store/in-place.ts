import type { BundleGeometry, Extent } from '../../native-bridge/bridge.js';
import { FORMATS, type RowFormat, rowBytes } from '../../native-bridge/formats.js';
import { DEVICE_BLOCK } from '../../native-bridge/memory.js';
import type { Checkpoint, CheckpointTensor } from '../import/checkpoint.js';
import { networkWidth, streamedNeurons } from '../model/feed-forward.js';
import type { ModelSpec } from '../model/spec.js';
import { layerTensor, type StreamedLayerTensor } from '../model/tensor-names.js';

/** A tensor that is read in place begins at a multiple of this, as single weights must lie whole in memory. */
export const alignmentOf = (format: RowFormat): number => {
  const { blockSize, blockBytes } = FORMATS[format];
  return blockSize === 1 ? blockBytes : 1;
};
/** Below this, a record is copied to its slot and needs no room for the blocks around it (native-bridge/slots.ts). */
const STRAIGHT_BYTES = 64 * 1024;

export function tensorOf(checkpoint: Checkpoint, name: string): CheckpointTensor {
  const tensor = checkpoint.tensors.get(name);
  if (tensor === undefined) throw new Error(`checkpoint ${checkpoint.path} was opened without its tensor ${name}`);
  return tensor;
}

export const streamedParts = ({ gated }: ModelSpec): StreamedLayerTensor[] =>
  gated ? ['gate', 'up', 'down'] : ['up', 'down'];

/** Why a matrix, or a stack of them, cannot be read where the checkpoint has it, in words; null where it can. */
export function whyCopied(tensor: CheckpointTensor): string | null {
  const { format, layout, interleaved, shape, parts, offset } = tensor;
  if (layout === 'transposed') return 'it lies turned';
  if (layout === 'packed-mxfp4') return 'its scales lie in a tensor of their own';
  if (interleaved) return 'its rows alternate with those of another tensor';
  const matrices = shape.length === 3 ? shape[0] : 1;
  if (parts !== undefined && parts.length > 1 && parts.length !== matrices) return 'its rows do not follow one another';
  const odd = [offset, ...(parts ?? []).map((part) => part.offset)].find((start) => start % alignmentOf(format) !== 0);
  return odd === undefined ? null : `it begins at byte ${odd}, which is no multiple of ${alignmentOf(format)}`;
}

/** Where the experts of a stack lie: one after another at even distances, or each at a place of its own. */
function extentOfExperts(
  { bytes: all, shape, parts, path, offset }: CheckpointTensor,
  fileOf: (path: string) => number,
): Extent {
  const bytes = all / shape[0];
  const first = { file: fileOf(path), offset, bytes };
  if (parts === undefined || parts.length === 1) return { ...first, stride: bytes };
  const stride = parts[1].offset - parts[0].offset;
  const even = parts.every((part, e) => part.path === path && part.offset === parts[0].offset + e * stride);
  if (even && stride >= bytes) return { ...first, stride };
  const files = Uint32Array.from(parts, (part) => fileOf(part.path));
  return { ...first, stride: bytes, places: { files, offsets: Float64Array.from(parts, (part) => part.offset) } };
}

/** True where every matrix of a layer's network can be read in the checkpoint's own files. */
export const canStay = (checkpoint: Checkpoint, layer: number): boolean =>
  streamedParts(checkpoint.spec).every((name) => whyCopied(tensorOf(checkpoint, layerTensor(layer, name))) === null);

/** The geometry of experts that stay in place: gate, up and down have an extent each, expert after expert. */
export function expertsInPlace(
  checkpoint: Checkpoint,
  layer: number,
  fileOf: (path: string) => number,
): BundleGeometry {
  const { spec } = checkpoint;
  const { intermediateSize } = spec.experts!;
  const names = streamedParts(spec);
  const extents = names.map((name) => extentOfExperts(tensorOf(checkpoint, layerTensor(layer, name)), fileOf));
  return {
    ...networkOf(checkpoint, layer),
    neuronsPerBundle: intermediateSize,
    downOrientation: 'by-output',
    extents,
    segments: extents.map(({ bytes }, extent) => ({ extent, offset: 0, bytes })),
  };
}

/**
 * The geometry of a dense layer that stays in place: gate and up in runs of `neuronsPerBundle` rows, down in runs of
 * its own rows. A run of down takes no more room than one of gate and up, and the runs are about equal.
 */
export function denseInPlace(
  checkpoint: Checkpoint,
  layer: number,
  neuronsPerBundle: number,
  fileOf: (path: string) => number,
): BundleGeometry {
  const { spec } = checkpoint;
  const network = networkOf(checkpoint, layer);
  const { hiddenSize, numNeurons, formats } = network;
  const names = streamedParts(spec);
  const inputBytes = neuronsPerBundle * rowBytes(formats.up, hiddenSize);
  const bundleBytes = inputBytes + (formats.gate ? neuronsPerBundle * rowBytes(formats.gate, hiddenSize) : 0);
  const room = bundleBytes < STRAIGHT_BYTES ? bundleBytes : bundleBytes - DEVICE_BLOCK;
  const downRow = rowBytes(formats.down, numNeurons);
  const most = Math.max(1, Math.floor(room / downRow));
  const outputsPerBundle = Math.ceil(hiddenSize / Math.ceil(hiddenSize / most));
  const extents = names.map((name) => {
    const { path, offset } = tensorOf(checkpoint, layerTensor(layer, name));
    const format = formats[name]!;
    const bytes = name === 'down' ? outputsPerBundle * downRow : neuronsPerBundle * rowBytes(format, hiddenSize);
    return { file: fileOf(path), offset, bytes, stride: bytes };
  });
  return {
    ...network,
    neuronsPerBundle,
    outputsPerBundle,
    downOrientation: 'apart',
    extents,
    segments: extents.map(({ bytes }, extent) => ({ extent, offset: 0, bytes })),
  };
}

/** What both have in common. */
function networkOf(checkpoint: Checkpoint, layer: number) {
  const { spec } = checkpoint;
  const names = streamedParts(spec);
  const format = (name: StreamedLayerTensor) => tensorOf(checkpoint, layerTensor(layer, name)).format;
  const part = (name: StreamedLayerTensor) => ({ extent: names.indexOf(name), offset: 0 });
  return {
    hiddenSize: networkWidth(spec, layer),
    numNeurons: streamedNeurons(spec, layer),
    activation: spec.activation,
    formats: { gate: spec.gated ? format('gate') : null, up: format('up'), down: format('down') },
    parts: { gate: spec.gated ? part('gate') : null, up: part('up'), down: part('down') },
    checksums: null,
  };
}
