/** The value of each IEEE half, by its bits. */
export const HALVES = new Float32Array(65536);
for (let bits = 0; bits < 65536; bits++) {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >>> 10) & 0x1f;
  const mantissa = bits & 0x3ff;
  if (exponent === 0) HALVES[bits] = sign * mantissa * 2 ** -24;
  else if (exponent === 31) HALVES[bits] = mantissa === 0 ? sign * Infinity : NaN;
  else HALVES[bits] = sign * (1 + mantissa / 1024) * 2 ** (exponent - 15);
}

/** The value of IEEE half `bits` (0..65535); exact. */
export const halfToFloat = (bits: number): number => HALVES[bits];

/** The half that begins at `bytes[at]`. */
export const halfAt = (bytes: Uint8Array, at: number): number => HALVES[bytes[at] | (bytes[at + 1] << 8)];
