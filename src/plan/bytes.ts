import { FlashrowError } from '../errors.js';

const UNITS: Readonly<Record<string, number>> = {
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
};

/** Bytes of `"500000000"`, `"1.5GiB"` (2^30) or `"2GB"` (10^9). Throws BAD_USAGE on anything else. */
export function parseBytes(text: string): number {
  const match = /^\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*$/i.exec(text);
  const unit = match ? (match[2] === '' ? 1 : UNITS[match[2].toLowerCase()]) : undefined;
  const bytes = match && unit ? Math.floor(Number(match[1]) * unit) : Number.NaN;
  if (!Number.isSafeInteger(bytes)) {
    throw new FlashrowError(
      'BAD_USAGE',
      `"${text}" is not an amount of memory; write bytes or a unit, like 500000000, 1.5GiB or 2GB`,
      { value: text },
    );
  }
  return bytes;
}
