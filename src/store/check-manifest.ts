import { isAbsolute } from 'node:path';
import { FORMATS, type RowFormat } from '../../native-bridge/formats.js';
import { DEVICE_BLOCK } from '../../native-bridge/memory.js';
import { FlashrowError } from '../errors.js';
import { residentTensors } from '../model/resident-tensors.js';
import type { ModelSpec } from '../model/spec.js';
import { checkLayer } from './check-layer.js';
import { checkSpec, checkText } from './check-spec.js';
import { alignmentOf } from './in-place.js';
import { tensorBytes } from './layout.js';
import {
  type ExternalFile,
  FORMAT_VERSION,
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
  const ownFile = files.indexOf(storedFile({ files }, RESIDENT_FILE)!);
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
    // Older stores, whose tensors all lie in resident.bin, lack the field.
    const file = fields.has('file') ? fields.integer('file', 0, files.length - 1) : ownFile;
    const isExternal = files[file].external !== null;
    if (!isExternal && file !== ownFile) broken(fields.path('file'), files[file].name, RESIDENT_FILE);
    const offset = fields.integer('offset', 0, files[file].bytes - bytes);
    const alignment = isExternal ? alignmentOf(format) : DEVICE_BLOCK;
    if (offset % alignment !== 0) broken(fields.path('offset'), offset, `a multiple of ${alignment}`);
    if (isExternal && !fields.isNull('checksum')) broken(fields.path('checksum'), 'present', 'null');
    const checksum = isExternal ? null : fields.integer('checksum', 0, MAX_CHECKSUM);
    const factor = fields.has('factor') ? { factor: fields.anyNumber('factor') } : {};
    return { name, shape, format, file, offset, bytes, checksum, ...factor };
  });
}
