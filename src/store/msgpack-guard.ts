/** Deeper than any manifest. */
const MAX_DEPTH = 8;

/** Bytes after the type byte of nil, false, true, floats and integers. */
const FIXED: Readonly<Record<number, number>> = {
  192: 0,
  194: 0,
  195: 0,
  202: 4,
  203: 8,
  204: 1,
  205: 2,
  206: 4,
  207: 8,
  208: 1,
  209: 2,
  210: 4,
  211: 8,
};
/** Bytes of the length after the type byte of binary data and strings. */
const COUNTED: Readonly<Record<number, 1 | 2 | 4>> = { 196: 1, 197: 2, 198: 4, 217: 1, 218: 2, 219: 4 };

/**
 * Walks one MessagePack value (https://github.com/msgpack/msgpack/blob/master/spec.md) and returns where it ends.
 * Throws RangeError for a length beyond the given bytes, deep nesting and extension types. After it, a decoder
 * allocates no more than the file's size justifies, and builds only plain data.
 */
export function guardMessagePack(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;

  const skip = (length: number) => {
    at += length;
    if (at > bytes.length) throw new RangeError(`a value ends beyond byte ${bytes.length}`);
  };
  /** Reads a big-endian length of `width` bytes. */
  const length = (width: 1 | 2 | 4) => {
    skip(width);
    if (width === 1) return view.getUint8(at - 1);
    return width === 2 ? view.getUint16(at - 2) : view.getUint32(at - 4);
  };
  const many = (count: number, depth: number) => {
    if (count > bytes.length - at) throw new RangeError(`${count} values at byte ${at} are more than the bytes left`);
    if (depth === MAX_DEPTH) throw new RangeError(`values nest deeper than ${MAX_DEPTH} at byte ${at}`);
    for (let i = 0; i < count; i++) value(depth + 1);
  };
  const value = (depth: number) => {
    skip(1);
    const token = bytes[at - 1];
    if (token <= 0x7f || token >= 0xe0) return; // integers of one byte
    if (token <= 0x8f) many(2 * (token & 0x0f), depth);
    else if (token <= 0x9f) many(token & 0x0f, depth);
    else if (token <= 0xbf) skip(token & 0x1f);
    else if (token in FIXED) skip(FIXED[token]);
    else if (token in COUNTED) skip(length(COUNTED[token]));
    else if (token === 0xdc) many(length(2), depth);
    else if (token === 0xdd) many(length(4), depth);
    else if (token === 0xde) many(2 * length(2), depth);
    else if (token === 0xdf) many(2 * length(4), depth);
    else throw new RangeError(`type 0x${token.toString(16)} at byte ${at - 1} is not plain data`);
  };

  value(0);
  return at;
}
