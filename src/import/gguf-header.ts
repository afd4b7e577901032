/*
 * The GGUF container, versions 2 and 3, little endian (github.com/ggml-org/ggml, docs/gguf.md). @huggingface/gguf 0.4.6
 * does not serve here: it reads zeros past the end of a file. It accepted stories260K.gguf cut at each of 60 places
 * inside its header, without a word. It is also asynchronous, and stops at headers of 50 MB.
 */

import type { OpenFile } from '../disk/files.js';
import { FlashrowError, shown } from '../errors.js';
import { HeaderCursor } from './header-cursor.js';

export type GgufScalar = number | bigint | boolean | string;
export type GgufValue = GgufScalar | GgufScalar[];

export interface GgufTensorInfo {
  name: string;
  /** In the file's order: the length of a row comes first. */
  dimensions: number[];
  /** GGML's type id. */
  type: number;
  /** Bytes from the start of the data. */
  offset: number;
}

export interface GgufHeader {
  /** 64-bit values beyond 2^53 are bigints. */
  metadata: Map<string, GgufValue>;
  tensors: GgufTensorInfo[];
  /** The byte at which the header ends. */
  headerBytes: number;
}

const MAGIC = 0x46554747;

// Bounds on the memory for a header. The largest vocabularies have 300,000 tokens and as many merges, in about 20 MB.
const MAX_HEADER_BYTES = 256 * 2 ** 20;
const MAX_ARRAY_ENTRIES = 8 * 2 ** 20;
const MAX_KEY_BYTES = 65535;
const MAX_STRING_BYTES = 16 * 2 ** 20;
const MAX_TENSOR_NAME_BYTES = 1024;
const MAX_DIMENSIONS = 4;

// The fewest bytes that an entry of each list can take. They bound the length that a list may claim.
const MIN_METADATA_BYTES = 8 + 4 + 1;
const MIN_TENSOR_BYTES = 8 + 4 + 8 + 4 + 8;

const ARRAY_TYPE = 9;

/** By GGUF's value type id: the fewest bytes of a value, and how to read it. */
const SCALARS: ReadonlyMap<number, { bytes: number; read: (cursor: HeaderCursor) => GgufScalar }> = new Map([
  [0, { bytes: 1, read: (cursor: HeaderCursor): GgufScalar => cursor.uint8() }],
  [1, { bytes: 1, read: (cursor) => cursor.int8() }],
  [2, { bytes: 2, read: (cursor) => cursor.uint16() }],
  [3, { bytes: 2, read: (cursor) => cursor.int16() }],
  [4, { bytes: 4, read: (cursor) => cursor.uint32() }],
  [5, { bytes: 4, read: (cursor) => cursor.int32() }],
  [6, { bytes: 4, read: (cursor) => cursor.float32() }],
  [7, { bytes: 1, read: readBoolean }],
  [8, { bytes: 8, read: (cursor) => cursor.string(MAX_STRING_BYTES) }],
  [10, { bytes: 8, read: (cursor) => narrowed(cursor.uint64()) }],
  [11, { bytes: 8, read: (cursor) => narrowed(cursor.int64()) }],
  [12, { bytes: 8, read: (cursor) => cursor.float64() }],
]);

/** True where a file begins as GGUF does. */
export function hasGgufMagic(file: OpenFile): boolean {
  return file.size >= 4 && new HeaderCursor(file, 4).uint32() === MAGIC;
}

/** Reads everything before the data. Throws CORRUPT, or UNSUPPORTED for another version. */
export function readGgufHeader(file: OpenFile): GgufHeader {
  const cursor = new HeaderCursor(file, MAX_HEADER_BYTES);
  cursor.context = 'the magic number';
  if (cursor.uint32() !== MAGIC) throw cursor.corrupt('is not GGUF');
  cursor.context = 'the version';
  const version = cursor.uint32();
  if (version !== 2 && version !== 3)
    throw new FlashrowError(
      'UNSUPPORTED',
      `${file.path} is ${describeVersion(version)}; versions 2 and 3, little endian, are supported`,
      { path: file.path, version },
    );
  cursor.context = 'the number of tensors';
  const numTensors = cursor.count(MIN_TENSOR_BYTES);
  cursor.context = 'the number of metadata entries';
  const numEntries = cursor.count(MIN_METADATA_BYTES);
  const metadata = readMetadata(cursor, numEntries);
  const tensors = readTensorInfos(cursor, numTensors);
  return { metadata, tensors, headerBytes: cursor.position };
}

/** A big-endian file has the bytes of the version the other way round. */
function describeVersion(version: number): string {
  const swapped = version >>> 24;
  if (version === swapped << 24 && swapped >= 1 && swapped <= 3)
    return `GGUF version ${swapped}, big endian (gguf-py's gguf_convert_endian.py turns it round)`;
  return version === 1 ? 'GGUF version 1, of August 2023 (get a newer file)' : `GGUF version ${version}`;
}

function readMetadata(cursor: HeaderCursor, count: number): Map<string, GgufValue> {
  const metadata = new Map<string, GgufValue>();
  let roomForEntries = MAX_ARRAY_ENTRIES;
  for (let index = 0; index < count; index++) {
    cursor.context = `the key of metadata entry ${index}`;
    const key = cursor.string(MAX_KEY_BYTES);
    cursor.context = `the metadata value ${shown(key)}`;
    if (metadata.has(key)) throw cursor.corrupt('occurs twice');
    const type = cursor.uint32();
    if (type !== ARRAY_TYPE) {
      metadata.set(key, scalar(cursor, type).read(cursor));
      continue;
    }
    const { bytes, read } = scalar(cursor, cursor.uint32());
    const length = cursor.count(bytes);
    roomForEntries -= length;
    if (roomForEntries < 0) throw cursor.corrupt(`takes the lists beyond ${MAX_ARRAY_ENTRIES} entries in all`);
    const values = new Array<GgufScalar>(length);
    for (let entry = 0; entry < length; entry++) values[entry] = read(cursor);
    metadata.set(key, values);
  }
  return metadata;
}

function scalar(cursor: HeaderCursor, type: number) {
  const found = SCALARS.get(type);
  if (!found)
    throw cursor.corrupt(
      type === ARRAY_TYPE ? 'is a list of lists, which no model uses' : `is of the unknown type ${type}`,
    );
  return found;
}

function readTensorInfos(cursor: HeaderCursor, count: number): GgufTensorInfo[] {
  const tensors: GgufTensorInfo[] = [];
  const names = new Set<string>();
  for (let index = 0; index < count; index++) {
    cursor.context = `the name of tensor ${index}`;
    const name = cursor.string(MAX_TENSOR_NAME_BYTES);
    cursor.context = `tensor ${shown(name)}`;
    if (names.has(name)) throw cursor.corrupt('occurs twice');
    names.add(name);
    const numDimensions = cursor.uint32();
    if (numDimensions < 1 || numDimensions > MAX_DIMENSIONS)
      throw cursor.corrupt(`has ${numDimensions} dimensions; 1 to ${MAX_DIMENSIONS} are allowed`);
    const dimensions: number[] = [];
    for (let dimension = 0; dimension < numDimensions; dimension++) dimensions.push(cursor.safeUint64());
    tensors.push({ name, dimensions, type: cursor.uint32(), offset: cursor.safeUint64() });
  }
  return tensors;
}

function readBoolean(cursor: HeaderCursor): boolean {
  const value = cursor.uint8();
  if (value > 1) throw cursor.corrupt(`holds ${value} where true or false belongs`);
  return value === 1;
}

const narrowed = (value: bigint): number | bigint => (BigInt.asIntN(54, value) === value ? Number(value) : value);
