import { FlashrowError } from '../errors.js';

/**
 * A unit of one letter, or with an i, counts in powers of 1024: docker, Java and systemd write 6G so. A unit that ends
 * in B without an i counts in powers of ten, as the makers of disks do.
 */
const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  ...{ kb: 1e3, mb: 1e6, gb: 1e9, tb: 1e12 },
  ...{ k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 },
  ...{ ki: 2 ** 10, mi: 2 ** 20, gi: 2 ** 30, ti: 2 ** 40 },
  ...{ kib: 2 ** 10, mib: 2 ** 20, gib: 2 ** 30, tib: 2 ** 40 },
};

/** What `parseBytes` takes, in words. */
export const BYTES_ACCEPTED = 'bytes or an amount with a unit, like 500000000, 2GB (10^9), 1.5GiB or 6G (2^30)';

/** What the option `memory` takes, in words. */
export const MEMORY_ACCEPTED = 'a whole number of bytes or a text like "1.5GiB"';

/**
 * Bytes of `"500000000"`, `"1e9"`, `"2GB"` (10^9), `"1.5GiB"` or `"6G"` (2^30). Throws BAD_USAGE on anything else.
 */
export function parseBytes(text: string): number {
  const match = /^\s*(\d+(?:\.\d+)?(?:e\d+)?)\s*([a-z]*)\s*$/i.exec(text);
  const unit = match ? UNITS[match[2].toLowerCase()] : undefined;
  const bytes = match && unit ? Math.floor(Number(match[1]) * unit) : Number.NaN;
  if (!Number.isSafeInteger(bytes)) {
    throw new FlashrowError('BAD_USAGE', `"${text}" is not an amount of memory; write ${BYTES_ACCEPTED}`, {
      value: text,
      accepted: BYTES_ACCEPTED,
    });
  }
  return bytes;
}

/** 0.5 of `"50%"`: a percentage above 0, at most 100. Null for any other text. */
export function parsePercentage(text: string): number | null {
  const percent = Number(/^\s*(\d+(?:\.\d+)?)\s*%\s*$/.exec(text)?.[1]);
  return percent > 0 && percent <= 100 ? percent / 100 : null;
}
