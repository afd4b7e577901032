/** The checksum of `bytes`, continuing from `seed` (0 to begin). */
export type Crc32c = (bytes: Uint8Array, seed: number) => number;

/** CRC-32C: the Castagnoli polynomial 0x1EDC6F41, bits reversed (RFC 3720, appendix B.4). */
const TABLE = new Uint32Array(256).map((_, byte) => {
  let remainder = byte;
  for (let bit = 0; bit < 8; bit++) remainder = remainder & 1 ? (remainder >>> 1) ^ 0x82f63b78 : remainder >>> 1;
  return remainder;
});

/**
 * CRC-32C of `bytes[start..end)`, continuing from `seed` (0 to begin). For short runs of bytes: the addon's own is many
 * times faster.
 */
export function crc32c(bytes: Uint8Array, seed: number, start = 0, end = bytes.length): number {
  let remainder = ~seed;
  for (let i = start; i < end; i++) remainder = TABLE[(remainder ^ bytes[i]) & 0xff] ^ (remainder >>> 8);
  return ~remainder >>> 0;
}
