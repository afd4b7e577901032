const SIZES: readonly [number, string][] = [
  [1e12, 'TB'],
  [1e9, 'GB'],
  [1e6, 'MB'],
  [1e3, 'kB'],
];

/**
 * Bytes in powers of ten, three digits: `1.50 GB`, `23.4 MB`, `512 B`. Every amount that people read goes through here.
 */
export function formatBytes(bytes: number): string {
  // 999.5 and above would print as 1000: it belongs to the next unit.
  const size = SIZES.find(([unit]) => bytes >= unit * 0.9995);
  return size ? `${threeDigits(bytes / size[0])} ${size[1]}` : `${Math.round(bytes)} B`;
}

/** A size in powers of two, as blocks of a disk have it: `64 KiB`, `4 MiB`. */
export const formatBlock = (bytes: number): string =>
  bytes < 2 ** 20 ? `${Math.round(bytes / 1024)} KiB` : `${Math.round(bytes / 2 ** 20)} MiB`;

/** The least amount of three digits that is not below `bytes`, as an option takes it: `2.55GB`. */
export const amountFrom = (bytes: number): string => amount(bytes, Math.ceil);

/** The largest amount of three digits that is not above `bytes`, as an option takes it. */
export const amountWithin = (bytes: number): string => amount(bytes, Math.floor);

function amount(bytes: number, rounded: (value: number) => number): string {
  const [unit, name] = SIZES.find(([size]) => bytes >= size) ?? [1, 'B'];
  if (unit === 1) return `${rounded(bytes)}B`;
  const digits = 10 ** Math.max(0, 2 - Math.floor(Math.log10(bytes / unit)));
  // Integers, so that the amount is read back as it was meant.
  return `${rounded((bytes * digits) / unit) / digits}${name}`;
}

export const threeDigits = (value: number): string =>
  value < 9.995 ? value.toFixed(2) : value < 99.95 ? value.toFixed(1) : value.toFixed(0);
