import { type CheckAborted, NEVER_ABORTED } from '../check-aborted.js';
import { type Picture, plainPicture } from '../decode/picture.js';

/*
 * Pillow's resampling, bit for bit (python-pillow/Pillow, src/libImaging/Resample.c, version 12): across first, then
 * down, with filters that widen where a picture shrinks, and 8-bit samples between the two.
 */

/** The filters by the numbers that Pillow and preprocessor_config.json have for them. */
export const RESAMPLING = { 1: 'lanczos', 2: 'bilinear', 3: 'bicubic' } as const;
export type Resampling = (typeof RESAMPLING)[keyof typeof RESAMPLING];

const sinc = (x: number): number => (x === 0 ? 1 : Math.sin(x * Math.PI) / (x * Math.PI));

/** Half the width of a filter's curve, and the curve. */
const FILTERS: Readonly<Record<Resampling, { support: number; at(x: number): number }>> = {
  bilinear: { support: 1, at: (x) => Math.max(0, 1 - Math.abs(x)) },
  bicubic: {
    support: 2,
    at(signed) {
      const a = -0.5;
      const x = Math.abs(signed);
      if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
      return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
    },
  },
  lanczos: { support: 3, at: (x) => (x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0) },
};

/** Weights are whole numbers with so many binary places. */
const PRECISION_BITS = 22;
const ONE = 2 ** PRECISION_BITS;
const HALF = ONE / 2;

/** What each output sample takes: `counts[i]` inputs from `starts[i]` on, by weights[i * width ..]. */
interface Weights {
  width: number;
  starts: Int32Array;
  counts: Int32Array;
  weights: Int32Array;
}

/** Weights of the outputs `first` to `first + size` out of `to`. */
function weightsFor(from: number, to: number, first: number, size: number, filter: Resampling): Weights {
  const { support: narrow, at } = FILTERS[filter];
  const scale = from / to;
  const stretch = Math.max(1, scale);
  const support = narrow * stretch;
  const width = Math.ceil(support) * 2 + 1;
  const starts = new Int32Array(size);
  const counts = new Int32Array(size);
  const weights = new Int32Array(size * width);
  const curve = new Float64Array(width);
  for (let i = 0; i < size; i++) {
    const center = (first + i + 0.5) * scale;
    const start = Math.max(0, Math.trunc(center - support + 0.5));
    const count = Math.min(from, Math.trunc(center + support + 0.5)) - start;
    let sum = 0;
    for (let k = 0; k < count; k++) {
      curve[k] = at((k + start - center + 0.5) * (1 / stretch));
      sum += curve[k];
    }
    for (let k = 0; k < count; k++) {
      const weight = (sum === 0 ? curve[k] : curve[k] / sum) * ONE;
      weights[i * width + k] = Math.trunc(weight < 0 ? weight - 0.5 : weight + 0.5);
    }
    starts[i] = start;
    counts[i] = count;
  }
  return { width, starts, counts, weights };
}

const clipped = (sum: number): number => Math.min(255, Math.max(0, sum >> PRECISION_BITS));

/** Rows of a result between two looks at whether the work was aborted: some milliseconds of a large picture. */
const ROWS_A_LOOK = 64;

/** A part of a picture. */
export interface Window {
  left: number;
  top: number;
  width: number;
  height: number;
}

/** Columns `left` to `left + width` of the picture with `columns` columns. */
function across(
  picture: Picture,
  columns: number,
  { left, width }: Window,
  filter: Resampling,
  checkAborted: CheckAborted,
): Picture {
  const { height, data, origin, xStep, yStep } = picture;
  const taken = weightsFor(picture.width, columns, left, width, filter);
  const out = new Uint8Array(3 * width * height);
  for (let y = 0; y < height; y++) {
    if (y % ROWS_A_LOOK === 0) checkAborted();
    const row = origin + y * yStep;
    for (let x = 0; x < width; x++) resample(taken, x, data, row, xStep, out, 3 * (y * width + x));
  }
  return plainPicture(width, height, out);
}

/** The picture with the rows whose weights are given. */
function down({ width, data, origin, xStep, yStep }: Picture, taken: Weights, checkAborted: CheckAborted): Picture {
  const height = taken.starts.length;
  const out = new Uint8Array(3 * width * height);
  for (let y = 0; y < height; y++) {
    if (y % ROWS_A_LOOK === 0) checkAborted();
    for (let x = 0; x < width; x++) resample(taken, y, data, origin + x * xStep, yStep, out, 3 * (y * width + x));
  }
  return plainPicture(width, height, out);
}

/** One pixel: output `index` along a line of pixels that begins at `line`, `step` apart. */
function resample(
  { width, starts, counts, weights }: Weights,
  index: number,
  data: Uint8Array,
  line: number,
  step: number,
  out: Uint8Array,
  to: number,
): void {
  let red = HALF;
  let green = HALF;
  let blue = HALF;
  let at = line + starts[index] * step;
  const first = index * width;
  const end = first + counts[index];
  for (let k = first; k < end; k++, at += step) {
    const weight = weights[k];
    red += weight * data[at];
    green += weight * data[at + 1];
    blue += weight * data[at + 2];
  }
  out[to] = clipped(red);
  out[to + 1] = clipped(green);
  out[to + 2] = clipped(blue);
}

/** What of the result is wanted, and what may end the work. */
interface Resizing {
  window?: Window;
  checkAborted?: CheckAborted;
}

/**
 * The picture in another size, or a window of that. A side that stays is not touched. A window takes no more memory
 * than its own pixels, and the rows that they are made of: a line of pixels may become a very long picture.
 */
export function resized(
  picture: Picture,
  width: number,
  height: number,
  filter: Resampling,
  { window = { left: 0, top: 0, width, height }, checkAborted = NEVER_ABORTED }: Resizing = {},
): Picture {
  if (height === picture.height) {
    const rows = cropped(picture, { ...window, left: 0, width: picture.width });
    return width === picture.width
      ? cropped(rows, { ...window, top: 0 })
      : across(rows, width, window, filter, checkAborted);
  }
  const taken = weightsFor(picture.height, height, window.top, window.height, filter);
  const last = window.height - 1;
  const top = taken.starts[0];
  const rows = cropped(picture, {
    left: 0,
    top,
    width: picture.width,
    height: taken.starts[last] + taken.counts[last] - top,
  });
  const wide =
    width === picture.width
      ? cropped(rows, { ...window, top: 0, height: rows.height })
      : across(rows, width, window, filter, checkAborted);
  for (let i = 0; i < window.height; i++) taken.starts[i] -= top;
  return down(wide, taken, checkAborted);
}

/** A part of the picture, of which nothing is copied. */
export const cropped = ({ data, origin, xStep, yStep }: Picture, { left, top, width, height }: Window): Picture => ({
  ...{ width, height, data, xStep, yStep },
  origin: origin + left * xStep + top * yStep,
});
