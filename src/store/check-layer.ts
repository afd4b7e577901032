import type { Extent, PartFactors, Places } from '../../native-bridge/bridge.js';
import { numBundles } from '../../native-bridge/bundles.js';
import { FORMATS, type RowFormat, rowBytes } from '../../native-bridge/formats.js';
import { expertsOf, networkNeurons, networkWidth, streamedNeurons } from '../model/feed-forward.js';
import type { ModelSpec } from '../model/spec.js';
import { bundlePartBytes } from './geometry.js';
import { alignmentOf } from './in-place.js';
import type { LayerBundles, Manifest } from './manifest.js';
import { broken, type ManifestFields } from './manifest-fields.js';

const ROW_FORMATS = Object.keys(FORMATS) as RowFormat[];

/**
 * Checks one layer of an untrusted manifest. Every extent and part of the result lies inside its file, by the
 * manifest's own file sizes. Throws CORRUPT.
 */
export function checkLayer(
  fields: ManifestFields,
  layer: number,
  spec: ModelSpec,
  files: Manifest['files'],
): LayerBundles {
  const hiddenSize = networkWidth(spec, layer);
  const numNeurons = streamedNeurons(spec, layer);
  // A bundle never holds neurons of two experts.
  const together = networkNeurons(spec, layer);
  const neuronsPerBundle = fields.integer('neuronsPerBundle', 1, together);
  if (together % neuronsPerBundle !== 0) {
    broken(fields.path('neuronsPerBundle'), neuronsPerBundle, `a divisor of ${together}`);
  }
  const downOrientation = fields.oneOf('downOrientation', ['by-neuron', 'by-output', 'apart']);
  if (downOrientation === 'apart') return checkApart(fields, layer, spec, neuronsPerBundle, files);
  const formats = checkFormats(fields.fields('formats'), { ...spec, hiddenSize }, downOrientation, neuronsPerBundle);
  const cut = { hiddenSize, numNeurons, neuronsPerBundle, formats, downOrientation };
  const bundles = numBundles(cut);

  const extentFields = fields.maps('extents');
  if (extentFields.length < 1 || extentFields.length > 3) broken(fields.path('extents'), extentFields.length, '1 to 3');
  const extents = extentFields.map((extent) => checkExtent(extent, bundles, files));

  const sizes = bundlePartBytes(cut);
  const partFields = fields.fields('parts');
  const part = (name: 'gate' | 'up' | 'down') => {
    const at = partFields.fields(name);
    const extent = at.integer('extent', 0, extents.length - 1);
    return { extent, offset: at.integer('offset', 0, extents[extent].bytes - sizes[name]) };
  };
  if (formats.gate === null && !partFields.isNull('gate')) broken(partFields.path('gate'), 'present', 'null');
  const parts = { gate: formats.gate === null ? null : part('gate'), up: part('up'), down: part('down') };

  const segments = checkSegments(fields, extents);
  const inFiles = extents.flatMap(({ file, places }) => (places ? [...new Set(places.files)] : [file]));
  const external = inFiles.filter((file) => files[file].external !== null).length;
  if (external !== 0 && external !== inFiles.length)
    broken(fields.path('extents'), 'in files of both kinds', 'all in the store or all in external files');
  if (external > 0 && !fields.isNull('checksums')) broken(fields.path('checksums'), 'present', 'null');
  const checksums = external > 0 ? null : uint32s(fields, 'checksums', bundles * segments.length);
  const activation = fields.oneOf('activation', [spec.activation]);
  return { ...cut, activation, factors: checkFactors(fields, spec), extents, parts, segments, checksums };
}

/** Bundles at even distances, or each at a place of its own. */
function checkExtent(extent: ManifestFields, bundles: number, files: Manifest['files']): Extent {
  const file = extent.integer('file', 0, files.length - 1);
  const bytes = extent.integer('bytes', 1, files[file].bytes);
  const stride = extent.integer('stride', bytes, Math.max(bytes, files[file].bytes));
  if (extent.has('places')) {
    const offset = extent.integer('offset', 0, files[file].bytes - bytes);
    return { file, offset, bytes, stride, places: checkPlaces(extent.fields('places'), bundles, bytes, files) };
  }
  const offset = extent.integer('offset', 0, files[file].bytes - bytes - (bundles - 1) * stride);
  return { file, offset, bytes, stride };
}

function checkPlaces(fields: ManifestFields, bundles: number, bytes: number, files: Manifest['files']): Places {
  const inFiles = uint32s(fields, 'files', bundles);
  const offsets = new Float64Array(copyOf(fields, 'offsets', bundles * Float64Array.BYTES_PER_ELEMENT));
  for (const [bundle, file] of inFiles.entries()) {
    if (file >= files.length || files[file].external === null)
      broken(fields.path(`files[${bundle}]`), file, "a file of the checkpoint's own");
    const offset = offsets[bundle];
    if (!Number.isSafeInteger(offset) || offset < 0 || offset > files[file].bytes - bytes)
      broken(fields.path(`offsets[${bundle}]`), offset, `an integer from 0 to ${files[file].bytes - bytes}`);
  }
  return { files: inFiles, offsets };
}

/** Gate, up and down have an extent each in a file of the checkpoint, in this order, without gaps. */
function checkApart(
  fields: ManifestFields,
  layer: number,
  spec: ModelSpec,
  neuronsPerBundle: number,
  files: Manifest['files'],
): LayerBundles {
  const { hiddenSize } = spec;
  const numNeurons = streamedNeurons(spec, layer);
  if (expertsOf(spec, layer)) broken(fields.path('downOrientation'), 'apart', 'by-output, as experts have it');
  const outputsPerBundle = fields.integer('outputsPerBundle', 1, hiddenSize);
  const formats = checkFormats(fields.fields('formats'), spec, 'apart', neuronsPerBundle);
  const cut = { hiddenSize, numNeurons, neuronsPerBundle, outputsPerBundle, formats };
  const names = spec.gated ? (['gate', 'up', 'down'] as const) : (['up', 'down'] as const);
  const extents = fields.maps('extents', names.length).map((extent, index) => {
    const down = names[index] === 'down';
    const row = rowBytes(formats[names[index]]!, down ? numNeurons : hiddenSize);
    const bytes = row * (down ? outputsPerBundle : neuronsPerBundle);
    const file = extent.integer('file', 0, files.length - 1);
    if (files[file].external === null) broken(extent.path('file'), files[file].name, "a file of the checkpoint's own");
    const offset = extent.integer('offset', 0, files[file].bytes - row * (down ? hiddenSize : numNeurons));
    const alignment = alignmentOf(formats[names[index]]!);
    if (offset % alignment !== 0) broken(extent.path('offset'), offset, `a multiple of ${alignment}`);
    extent.integer('bytes', bytes, bytes);
    extent.integer('stride', bytes, bytes);
    return { file, offset, bytes, stride: bytes };
  });
  const partFields = fields.fields('parts');
  const part = (name: 'gate' | 'up' | 'down') => {
    const at = partFields.fields(name);
    const extent = (names as readonly string[]).indexOf(name);
    return { extent: at.integer('extent', extent, extent), offset: at.integer('offset', 0, 0) };
  };
  if (!spec.gated && !partFields.isNull('gate')) broken(partFields.path('gate'), 'present', 'null');
  if (!fields.isNull('checksums')) broken(fields.path('checksums'), 'present', 'null');
  return {
    ...cut,
    downOrientation: 'apart',
    activation: fields.oneOf('activation', [spec.activation]),
    factors: checkFactors(fields, spec),
    extents,
    parts: { gate: spec.gated ? part('gate') : null, up: part('up'), down: part('down') },
    segments: checkSegments(fields, extents),
    checksums: null,
  };
}

/** One number for a matrix, or one for each expert. Stores of models without factors may lack the field. */
function checkFactors(layer: ManifestFields, { experts, gated }: ModelSpec): PartFactors | null {
  if (!layer.has('factors') || layer.isNull('factors')) return null;
  const fields = layer.fields('factors');
  const count = experts?.numExperts ?? 1;
  const part = (name: 'gate' | 'up' | 'down') => (fields.isNull(name) ? null : fields.anyNumbers(name, count));
  if (!gated && !fields.isNull('gate')) broken(fields.path('gate'), 'present', 'null');
  return { gate: part('gate'), up: part('up'), down: part('down') };
}

const uint32s = (fields: ManifestFields, key: string, count: number): Uint32Array =>
  new Uint32Array(copyOf(fields, key, count * Uint32Array.BYTES_PER_ELEMENT));

/** The decoder's view may have any alignment, so the bytes are copied. */
function copyOf(fields: ManifestFields, key: string, bytes: number): ArrayBuffer {
  const raw = fields.bytes(key);
  if (raw.length !== bytes) broken(`${fields.path(key)}.length`, raw.length, String(bytes));
  return new Uint8Array(raw).buffer;
}

function checkFormats(
  fields: ManifestFields,
  spec: ModelSpec,
  downOrientation: LayerBundles['downOrientation'],
  neuronsPerBundle: number,
): LayerBundles['formats'] {
  const format = (name: string, columns: number) => {
    const found = fields.oneOf(name, ROW_FORMATS);
    if (columns % FORMATS[found].blockSize !== 0) broken(fields.path(name), found, `a format for rows of ${columns}`);
    return found;
  };
  if (!spec.gated && !fields.isNull('gate')) broken(fields.path('gate'), 'present', 'null');
  return {
    gate: spec.gated ? format('gate', spec.hiddenSize) : null,
    up: format('up', spec.hiddenSize),
    down: format('down', downOrientation === 'by-neuron' ? spec.hiddenSize : neuronsPerBundle),
  };
}

/** Segments cover all extents in order, each from start to end, without a gap. */
function checkSegments(layer: ManifestFields, extents: LayerBundles['extents']): LayerBundles['segments'] {
  let extent = 0;
  let covered = 0;
  const segments = layer.maps('segments').map((fields) => {
    if (extent < extents.length && covered === extents[extent].bytes) {
      extent++;
      covered = 0;
    }
    if (extent === extents.length) broken(fields.where, 'one too many', 'inside an extent');
    fields.integer('extent', extent, extent);
    const offset = fields.integer('offset', covered, covered);
    const bytes = fields.integer('bytes', 1, extents[extent].bytes - covered);
    covered += bytes;
    return { extent, offset, bytes };
  });
  if (extent !== extents.length - 1 || covered !== extents[extent].bytes) {
    broken(layer.path('segments'), segments.length, 'a list that covers every extent');
  }
  return segments;
}
