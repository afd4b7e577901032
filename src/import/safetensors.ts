/*
 * safetensors (github.com/huggingface/safetensors): 8 bytes of header length, a JSON header, data. For each tensor the
 * header holds dtype, shape, and first and last byte, counted from the start of the data.
 */

import { type OpenFile, readExactly } from '../disk/files.js';
import { FlashrowError, shown } from '../errors.js';
import { parseObject } from './json.js';
import { refuseStandIn, startOf } from './odd-files.js';
import { checkPlacement, damagedTensor, type SourceTensor } from './source-tensor.js';
import { blockOf, type TensorFormat } from './tensor-format.js';

/** Enough for 300,000 tensors. The format's own limit is 100 MB. */
const MAX_HEADER_BYTES = 32 * 2 ** 20;
const PREFIX_BYTES = 8;

const FORMATS: ReadonlyMap<unknown, TensorFormat> = new Map([
  ['F32', 'f32'],
  ['F16', 'f16'],
  ['BF16', 'bf16'],
]);

export interface SafetensorsHeader {
  tensors: SourceTensor[];
  /** Bytes before the data, the length prefix included. */
  headerBytes: number;
}

/** Reads and checks one file's header. Throws CORRUPT, UNSUPPORTED for what only stands in its place. */
export function readSafetensorsHeader(file: OpenFile): SafetensorsHeader {
  const corrupt = (problem: string) =>
    new FlashrowError('CORRUPT', `${file.path} ${problem}; fetch it again`, { path: file.path });
  refuseStandIn(file.path, startOf(file));
  if (file.size < PREFIX_BYTES) throw corrupt(`has ${file.size} bytes, too few for a safetensors file`);
  const prefix = Buffer.alloc(PREFIX_BYTES);
  readExactly(file, 0, prefix);
  const length = prefix.readBigUInt64LE();
  if (length > file.size - PREFIX_BYTES)
    throw corrupt(`claims a header of ${length} bytes, but has ${file.size} in all`);
  if (length > MAX_HEADER_BYTES)
    throw corrupt(`claims a header of ${length} bytes; at most ${MAX_HEADER_BYTES} make sense`);
  const bytes = new Uint8Array(Number(length));
  readExactly(file, PREFIX_BYTES, bytes);
  const header = parseObject(bytes, `${file.path}, its header,`);
  if (countKeys(bytes) !== Object.keys(header).length) throw corrupt('names a tensor twice in its header');

  const headerBytes = PREFIX_BYTES + bytes.length;
  const tensors = Object.entries(header)
    .filter(([name]) => name !== '__metadata__')
    .map(([name, entry]) => sourceTensor(file, headerBytes, name, entry));
  checkPlacement(file.path, file.size, tensors);
  return { tensors, headerBytes };
}

function sourceTensor(file: OpenFile, headerBytes: number, name: string, entry: unknown): SourceTensor {
  const fields = (typeof entry === 'object' ? entry : null) as {
    dtype?: unknown;
    shape?: unknown;
    data_offsets?: unknown;
  } | null;
  const type = fields?.dtype;
  const shape = fields?.shape;
  const range = fields?.data_offsets;
  if (typeof type !== 'string' || !isSizes(shape) || !isSizes(range) || range.length !== 2 || range[0] > range[1])
    throw damagedTensor(
      file.path,
      name,
      `has dtype ${shown(type)}, shape ${shown(shape)}, data_offsets ${shown(range)}; they should be a name, whole numbers, and [first, end]`,
    );
  const format = FORMATS.get(type) ?? null;
  const bytes = range[1] - range[0];
  // Plain bytes are weights only together with another tensor (layouts/packed-mxfp4.ts).
  const elementBytes = format === null ? (type === 'U8' ? 1 : null) : blockOf(format).blockBytes;
  if (elementBytes !== null) {
    const expected = shape.reduce((product, size) => product * size, elementBytes);
    if (expected !== bytes)
      throw damagedTensor(file.path, name, `takes ${bytes} bytes; ${type} of shape ${shown(shape)} takes ${expected}`);
  }
  return { sourceName: name, shape, type, format, path: file.path, offset: headerBytes + range[0], bytes };
}

const isSizes = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);

/**
 * The number of keys of the outermost object of valid JSON: the colons at depth 1. `JSON.parse` merges repeated keys.
 */
function countKeys(json: Uint8Array): number {
  const [QUOTE, BACKSLASH, COLON] = [0x22, 0x5c, 0x3a];
  let keys = 0;
  let depth = 0;
  let inString = false;
  for (let at = 0; at < json.length; at++) {
    const byte = json[at];
    if (inString) {
      if (byte === BACKSLASH) at++;
      else if (byte === QUOTE) inString = false;
    } else if (byte === QUOTE) inString = true;
    // The codes of { and [ differ only in bit 5, and so do those of } and ].
    else if ((byte | 0x20) === 0x7b) depth++;
    else if ((byte | 0x20) === 0x7d) depth--;
    else if (byte === COLON && depth === 1) keys++;
  }
  return keys;
}
