import type { BridgeError, Places, StreamLayer } from '../bridge.js';
import { bundlesOfExtent, holdsOutputs, inputBundles, numBundles } from '../bundles.js';
import { FORMATS, isRowFormat, rowBytes } from '../formats.js';
import { DEVICE_BLOCK } from '../memory.js';
import { type SlotLayout, slotLayout } from '../slots.js';
import { ACTIVATIONS } from './activation.js';
import { asUsage, isCount, usage } from './errors.js';

/** A layer whose description was checked, with what follows from it. */
export interface PreparedLayer {
  index: number;
  layer: StreamLayer;
  slotLayout: SlotLayout;
  numBundles: number;
  numUnits: number;
  /** Bytes of one gate, up and down row; gate is 0 where there is none. */
  rowBytes: { gate: number; up: number; down: number };
  /** 1 where a bundle's segment was found sound, `[numBundles, segments.length]`. */
  verified: Uint8Array;
}

type Fail = (what: string) => BridgeError;

/** Checks a layer as `Layer` of the addon does. Throws BridgeError USAGE. */
export function prepareLayer(layer: StreamLayer, index: number, numFiles: number, arenaBytes: number): PreparedLayer {
  const fail: Fail = (what) => usage(`layer ${index}: ${what}`);
  checkNetwork(layer, fail);
  const lengths = rowLengths(layer);
  checkExtents(layer, lengths, numFiles, fail);
  const { segments, checksums } = layer;
  const bundles = numBundles(layer);
  if (checksums !== null && checksums.length !== bundles * segments.length)
    throw fail(`${checksums.length} checksums for ${bundles} bundles of ${segments.length} segments`);
  if (layer.residentPart !== null) checkResidentPart(layer, layer.residentPart, lengths, fail);
  const layout = slotLayout(layer);
  if (!isCount(layer.slots) || !isCount(layer.arenaOffset) || layer.arenaOffset % DEVICE_BLOCK !== 0)
    throw fail(`${layer.slots} slots at ${layer.arenaOffset}; arenaOffset must be a multiple of ${DEVICE_BLOCK}`);
  if (layer.slots > 0 && layer.arenaOffset + layer.slots * layout.bytes > arenaBytes)
    throw fail(
      `${layer.slots} slots of ${layout.bytes} bytes at ${layer.arenaOffset} exceed the arena of ${arenaBytes} bytes`,
    );
  return {
    index,
    layer,
    slotLayout: layout,
    numBundles: bundles,
    numUnits: Math.ceil(bundles / layer.bundlesPerUnit),
    rowBytes: lengths,
    verified: new Uint8Array(checksums === null ? 0 : checksums.length),
  };
}

/** Sizes, formats, activation and biases. */
function checkNetwork(layer: StreamLayer, fail: Fail): void {
  const { hiddenSize, numNeurons, neuronsPerBundle, bundlesPerUnit, formats, parts } = layer;
  for (const [name, value] of Object.entries({ hiddenSize, numNeurons, neuronsPerBundle, bundlesPerUnit }))
    if (!isCount(value) || value === 0) throw fail(`${name} is ${value}, not a positive integer`);
  if (numNeurons % neuronsPerBundle !== 0)
    throw fail(`bundles of ${neuronsPerBundle} neurons do not divide ${numNeurons} neurons`);
  const byNeuron = layer.downOrientation === 'by-neuron';
  if (!['by-neuron', 'by-output', 'apart'].includes(layer.downOrientation))
    throw fail(`no such orientation: ${layer.downOrientation}`);
  checkApart(layer, fail);
  if (!Object.hasOwn(ACTIVATIONS, layer.activation)) throw fail(`no such activation: ${layer.activation}`);
  for (const format of [formats.gate, formats.up, formats.down])
    if (format !== null && !isRowFormat(format)) throw fail(`no kernel for format ${format}`);
  if (byNeuron && isRowFormat(formats.down) && FORMATS[formats.down].blockSize > 32)
    throw fail(`a down matrix by neuron cannot be ${formats.down}, whose blocks hold 256 weights`);
  if ((formats.gate === null) !== (parts.gate === null)) throw fail('gate has a format or a place, but not both');
  checkVectors(layer, fail);
}

/** Biases and factors. */
function checkVectors({ numNeurons, formats, biases, factors }: StreamLayer, fail: Fail): void {
  for (const [name, bias] of Object.entries(biases ?? {}))
    if (bias !== null && (bias.length !== numNeurons || (name === 'gate' && formats.gate === null)))
      throw fail(`there are not as many biases of ${name} as neurons`);
  for (const part of Object.values(factors ?? {}))
    if (part && (part.length === 0 || numNeurons % part.length !== 0))
      throw fail('factors must be of equal shares of the neurons');
}

/** What a down matrix in rows of its own needs. */
function checkApart(layer: StreamLayer, fail: Fail): void {
  const { downOrientation, outputsPerBundle, bundlesPerUnit, neuronsPerBundle, formats, parts } = layer;
  const apart = downOrientation === 'apart';
  if (apart !== (outputsPerBundle !== undefined) || outputsPerBundle === 0)
    throw fail('outputsPerBundle belongs to a down matrix that lies apart');
  if (!apart) return;
  if (bundlesPerUnit !== 1) throw fail('where down lies apart, a unit is one bundle');
  if (isRowFormat(formats.down) && neuronsPerBundle % FORMATS[formats.down].blockSize !== 0)
    throw fail('slices of down rows do not hold whole blocks');
  const { gate, up, down } = parts;
  if (down.offset !== 0 || down.extent === up.extent || down.extent === gate?.extent)
    throw fail('a down matrix that lies apart needs an extent of its own');
}

/** Weights in a row of down, as it lies. */
function downColumns({ downOrientation, hiddenSize, numNeurons, neuronsPerBundle }: StreamLayer): number {
  if (downOrientation === 'apart') return numNeurons;
  return downOrientation === 'by-neuron' ? hiddenSize : neuronsPerBundle;
}

const rowLengths = (layer: StreamLayer): PreparedLayer['rowBytes'] => {
  const { hiddenSize, formats } = layer;
  return asUsage(() => ({
    gate: formats.gate === null ? 0 : rowBytes(formats.gate, hiddenSize),
    up: rowBytes(formats.up, hiddenSize),
    down: rowBytes(formats.down, downColumns(layer)),
  }));
};

/** Extents lie in files, and parts and segments inside extents. */
function checkExtents(layer: StreamLayer, lengths: PreparedLayer['rowBytes'], numFiles: number, fail: Fail): void {
  const { hiddenSize, neuronsPerBundle, parts, extents, segments } = layer;
  if (extents.length < 1 || extents.length > 3) throw fail(`${extents.length} extents; one to three are possible`);
  for (const { file, offset, bytes, stride, places } of extents) {
    if (!isCount(file) || file >= numFiles || !isCount(offset) || !isCount(bytes) || !isCount(stride))
      throw fail('an extent names no file of the stream, or a negative range');
    if (places) checkPlaces(layer, places, numFiles, fail);
  }
  const inside = (extent: number, offset: number, bytes: number) =>
    extent >= 0 && extent < extents.length && offset >= 0 && offset + bytes <= extents[extent].bytes;
  const outputs = Math.min(layer.outputsPerBundle ?? hiddenSize, hiddenSize);
  const downRows = layer.downOrientation === 'by-neuron' ? neuronsPerBundle : outputs;
  for (const name of ['gate', 'up', 'down'] as const) {
    const part = parts[name];
    const rows = name === 'down' ? downRows : neuronsPerBundle;
    if (part !== null && !inside(part.extent, part.offset, rows * lengths[name]))
      throw fail(`${name} reaches beyond its extent`);
  }
  for (const segment of segments)
    if (!inside(segment.extent, segment.offset, segment.bytes)) throw fail('a segment reaches beyond its extent');
}

/** Bundles that do not follow one another. */
function checkPlaces(layer: StreamLayer, { files, offsets }: Places, numFiles: number, fail: Fail): void {
  const bundles = numBundles(layer);
  const oneEach = files.length === bundles && offsets.length === bundles;
  if (!oneEach || layer.bundlesPerUnit !== 1 || layer.downOrientation === 'apart')
    throw fail('bundles with places of their own need a place each, and one bundle per unit');
  if (layer.checksums !== null) throw fail('bundles with places of their own have no checksums');
  if (!files.every((file) => file < numFiles) || !offsets.every(isCount))
    throw fail("a bundle's place names no file of the stream, or is no offset");
}

function checkResidentPart(
  { neuronsPerBundle, bundlesPerUnit, parts, extents, segments, downOrientation }: StreamLayer,
  residentPart: 'gate' | 'up',
  lengths: PreparedLayer['rowBytes'],
  fail: Fail,
): void {
  const part = parts[residentPart];
  if (part === null) throw fail(`the resident part is ${residentPart}, but the network has none`);
  const [first] = segments;
  const isFirst = part.offset === 0 && first?.offset === 0 && first.bytes === neuronsPerBundle * lengths[residentPart];
  if (downOrientation !== 'by-neuron' || extents.length !== 1 || bundlesPerUnit !== 1 || !isFirst)
    throw fail('a resident part needs a down matrix by neuron, one extent, one bundle per unit, and to be segment 0');
}

/** Bundles in a unit: `bundlesPerUnit`, or what is left in the last one. */
export const bundlesInUnit = ({ layer, numBundles }: PreparedLayer, unit: number): number =>
  Math.min(layer.bundlesPerUnit, numBundles - unit * layer.bundlesPerUnit);

/** Whether a unit holds rows of a down matrix that lies apart. */
export const isOutputs = ({ layer }: PreparedLayer, unit: number): boolean =>
  layer.downOrientation === 'apart' && unit >= inputBundles(layer);

/** The bytes of a unit in an extent: their place in the file and in its slot; null where it has none there. */
export function unitRange(
  prepared: PreparedLayer,
  extent: number,
  unit: number,
): { file: number; from: number; bytes: number; payload: number; inSlot: number } | null {
  const { layer, slotLayout } = prepared;
  const { offset, bytes, stride, places, ...extentOf } = layer.extents[extent];
  const area = slotLayout.areas[extent];
  if (holdsOutputs(layer, extent) !== isOutputs(prepared, unit)) return null;
  const bundles = bundlesInUnit(prepared, unit);
  const first = unit * layer.bundlesPerUnit - bundlesOfExtent(layer, extent).first;
  const file = places ? places.files[first] : extentOf.file;
  const from = (places ? places.offsets[first] : offset + first * stride) + area.skip;
  const read = isOutputs(prepared, unit)
    ? outputsOf(prepared, unit).count * prepared.rowBytes.down
    : (bundles - 1) * stride + bytes - area.skip;
  const payload = isOutputs(prepared, unit) ? read : bundles * (bytes - area.skip);
  return { file, from, bytes: read, payload, inSlot: area.offset + (area.shifts ? from % DEVICE_BLOCK : 0) };
}

/** The rows of down in a unit that holds some. */
export function outputsOf({ layer }: PreparedLayer, unit: number): { first: number; count: number } {
  const { hiddenSize, outputsPerBundle = hiddenSize } = layer;
  const first = (unit - inputBundles(layer)) * outputsPerBundle;
  return { first, count: Math.min(outputsPerBundle, hiddenSize - first) };
}

/** The offset in the slot of a part's first row, in the unit's bundle `index`. */
export function partOffset(prepared: PreparedLayer, unit: number, part: 'gate' | 'up' | 'down', index: number): number {
  const { layer, slotLayout } = prepared;
  const { extent, offset } = layer.parts[part]!;
  const { inSlot } = unitRange(prepared, extent, unit)!;
  return inSlot + index * layer.extents[extent].stride + offset - slotLayout.areas[extent].skip;
}
