import { Packr } from '#msgpackr';
import { crc32c } from '../../native-bridge/crc32c.js';
import { guardMessagePack } from './msgpack-guard.js';

/* A MessagePack array of two entries: a value, and the CRC-32C of that value's bytes as a uint32. */
const ARRAY_OF_TWO = 0x92;
const UINT32 = 0xce;
const TRAILER_BYTES = 5;

const packr = new Packr({ useRecords: false });

/** Plain data as MessagePack with its own checksum. */
export function packChecked(value: unknown): Buffer {
  const body = Buffer.from(packr.pack(value));
  const trailer = Buffer.alloc(TRAILER_BYTES);
  trailer[0] = UINT32;
  trailer.writeUInt32BE(crc32c(body, 0), 1);
  return Buffer.concat([Buffer.of(ARRAY_OF_TWO), body, trailer]);
}

/** The value of such a message. Throws RangeError with the reason where the bytes are damaged. */
export function unpackChecked(bytes: Buffer): unknown {
  const end = bytes.length - TRAILER_BYTES;
  const framed = end > 1 && bytes[0] === ARRAY_OF_TWO && bytes[end] === UINT32;
  if (!framed || crc32c(bytes, 0, 1, end) !== bytes.readUInt32BE(end + 1))
    throw new RangeError('its checksum does not match');
  const body = bytes.subarray(1, end);
  if (guardMessagePack(body) !== body.length) throw new RangeError('something follows it');
  try {
    return packr.unpack(body);
  } catch (error) {
    throw new RangeError((error as Error).message);
  }
}
