import { isAbsolute } from 'node:path';
import type { PartFactors } from '../../native-bridge/bridge.js';
import { FORMATS, type RowFormat } from '../../native-bridge/formats.js';
import { DEVICE_BLOCK } from '../../native-bridge/memory.js';
import { FlashrowError } from '../errors.js';
import { networkNeurons, streamedNeurons } from '../model/feed-forward.js';
import { residentTensors } from '../model/resident-tensors.js';
import type { ModelSpec } from '../model/spec.js';
import { checkSpec, checkText } from './check-spec.js';
import { bundlePartBytes, numBundles } from './geometry.js';
import { tensorBytes } from './layout.js';
import {
  type ExternalFile,
  FORMAT_VERSION,
  type LayerBundles,
  MANIFEST_FILE,
  type Manifest,
  RESIDENT_FILE,
  type ResidentTensor,
  type StoreFile,
  storedFile,
  TOKENIZER_FILE,
} from './manifest.js';
import { broken, ManifestFields } from './manifest-fields.js';

const ROW_FORMATS = Object.keys(FORMATS) as RowFormat[];
const MAX_CHECKSUM = 2 ** 32 - 1;

/**
 * Checks untrusted data and returns it as a manifest. Every extent, part and tensor of the result lies inside its file,
 * by the manifest's own file sizes. Throws UNSUPPORTED for a newer format version, CORRUPT for anything else.
 */
export function checkManifest(value: unknown): Manifest {
  const fields = new ManifestFields(value, '');
  const formatVersion = fields.integer('formatVersion', 0);
  if (formatVersion > FORMAT_VERSION) {
    const message = `the store has format version ${formatVersion}; this flashrow reads versions up to ${FORMAT_VERSION}; update flashrow`;
    throw new FlashrowError('UNSUPPORTED', message, { formatVersion, supported: FORMAT_VERSION });
  }
  const spec = checkSpec(fields.fields('spec'));
  const files = checkFiles(fields.maps('files'));
  const source = fields.fields('source');
  return {
    formatVersion,
    spec,
    text: checkText(fields.fields('text'), spec.vocabSize),
    files,
    resident: checkResident(fields, spec, files),
    layers: fields.maps('layers', spec.numLayers).map((layer, index) => checkLayer(layer, index, spec, files)),
    source: {
      name: source.text('name'),
      bytes: source.integer('bytes', 0),
      digest: source.text('digest'),
      content: source.has('content') && !source.isNull('content') ? source.text('content') : null,
    },
    requantized: fields.maps('requantized').map((entry) => ({
      tensor: entry.text('tensor'),
      from: entry.text('from'),
      to: entry.text('to'),
      relativeError: entry.number('relativeError'),
    })),
  };
}

function checkFiles(list: ManifestFields[]): Manifest['files'] {
  const names = new Set<string>([MANIFEST_FILE]);
  const files = list.map((fields): StoreFile => {
    const name = fields.text('name');
    const bytes = fields.integer('bytes', 0);
    // Older stores, which know no external files, lack the field.
    if (fields.has('external') && !fields.isNull('external')) {
      if (!fields.isNull('checksum')) broken(fields.path('checksum'), 'present', 'null');
      return { name, bytes, checksum: null, external: checkExternal(fields.fields('external'), bytes) };
    }
    // Names become parts of paths. None may lead out of the store's folder.
    if (!/^\w[\w.-]*$/.test(name)) broken(fields.path('name'), name, 'a plain file name');
    if (names.has(name)) broken(fields.path('name'), name, 'a name of its own');
    names.add(name);
    return { name, bytes, checksum: fields.integer('checksum', 0, MAX_CHECKSUM), external: null };
  });
  for (const needed of [RESIDENT_FILE, TOKENIZER_FILE]) {
    if (!names.has(needed)) broken('files', [...names], `a list with ${needed}`);
  }
  return files;
}

function checkExternal(fields: ManifestFields, bytes: number): ExternalFile {
  const path = fields.text('path');
  if (!isAbsolute(path) || path.includes('\0')) broken(fields.path('path'), path, 'an absolute path');
  const digest = fields.text('digest');
  if (!/^[0-9a-f]{64}$/.test(digest)) broken(fields.path('digest'), digest, '64 hexadecimal digits');
  const headerBytes = fields.integer('headerBytes', 1, bytes);
  return { path, mtimeMs: fields.number('mtimeMs'), headerBytes, digest };
}

function checkResident(manifest: ManifestFields, spec: ModelSpec, files: Manifest['files']): ResidentTensor[] {
  const shapes = [...residentTensors(spec)];
  const fileBytes = storedFile({ files }, RESIDENT_FILE)!.bytes;
  return manifest.maps('resident', shapes.length).map((fields, index) => {
    const [name, shape] = shapes[index];
    fields.oneOf('name', [name]);
    const found = fields.integers('shape', 1);
    if (String(found) !== String(shape)) broken(fields.path('shape'), found, `[${shape}]`);
    const format = fields.oneOf('format', ROW_FORMATS);
    if (shape[shape.length - 1] % FORMATS[format].blockSize !== 0) {
      broken(fields.path('format'), format, `a format for rows of ${shape[shape.length - 1]}`);
    }
    const bytes = tensorBytes(format, shape);
    fields.integer('bytes', bytes, bytes);
    const offset = fields.integer('offset', 0, fileBytes - bytes);
    if (offset % DEVICE_BLOCK !== 0) broken(fields.path('offset'), offset, `a multiple of ${DEVICE_BLOCK}`);
    const checksum = fields.integer('checksum', 0, MAX_CHECKSUM);
    const factor = fields.has('factor') ? { factor: fields.anyNumber('factor') } : {};
    return { name, shape, format, offset, bytes, checksum, ...factor };
  });
}

function checkLayer(fields: ManifestFields, layer: number, spec: ModelSpec, files: Manifest['files']): LayerBundles {
  const { hiddenSize } = spec;
  const numNeurons = streamedNeurons(spec, layer);
  // A bundle never holds neurons of two experts.
  const together = networkNeurons(spec, layer);
  const neuronsPerBundle = fields.integer('neuronsPerBundle', 1, together);
  if (together % neuronsPerBundle !== 0) {
    broken(fields.path('neuronsPerBundle'), neuronsPerBundle, `a divisor of ${together}`);
  }
  const downOrientation = fields.oneOf('downOrientation', ['by-neuron', 'by-output']);
  const formats = checkFormats(fields.fields('formats'), spec, downOrientation, neuronsPerBundle);
  const cut = { hiddenSize, numNeurons, neuronsPerBundle, formats, downOrientation };
  const bundles = numBundles(cut);

  const extentFields = fields.maps('extents');
  if (extentFields.length < 1 || extentFields.length > 3) broken(fields.path('extents'), extentFields.length, '1 to 3');
  const extents = extentFields.map((extent) => {
    const file = extent.integer('file', 0, files.length - 1);
    const bytes = extent.integer('bytes', 1, files[file].bytes);
    const stride = extent.integer('stride', bytes, Math.max(bytes, files[file].bytes));
    const offset = extent.integer('offset', 0, files[file].bytes - bytes - (bundles - 1) * stride);
    return { file, offset, bytes, stride };
  });

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
  const external = extents.filter(({ file }) => files[file].external !== null).length;
  if (external !== 0 && external !== extents.length)
    broken(fields.path('extents'), 'in files of both kinds', 'all in the store or all in external files');
  if (external > 0 && !fields.isNull('checksums')) broken(fields.path('checksums'), 'present', 'null');
  const checksums = external > 0 ? null : checkChecksums(fields, bundles * segments.length);
  const activation = fields.oneOf('activation', [spec.activation]);
  return { ...cut, activation, factors: checkFactors(fields, spec), extents, parts, segments, checksums };
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

function checkChecksums(fields: ManifestFields, count: number): Uint32Array {
  const raw = fields.bytes('checksums');
  if (raw.length !== count * 4) broken(`${fields.path('checksums')}.length`, raw.length, String(count * 4));
  // The decoder's view may have any alignment, so the bytes are copied.
  return new Uint32Array(new Uint8Array(raw).buffer);
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
