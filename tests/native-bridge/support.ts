import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import type {
  Bridge,
  BridgeActivation,
  Extent,
  FeedForwardCall,
  Isa,
  RowStream,
  StreamLayer,
} from '../../dist/native-bridge/bridge.js';
import { numBundles } from '../../dist/native-bridge/bundles.js';
import { FORMATS, type RowFormat, rowBytes, WRITABLE_FORMATS } from '../../dist/native-bridge/formats.js';
import { availableIsas, openBridge } from '../../dist/native-bridge/index.js';
import { DEVICE_BLOCK, roundUp } from '../../dist/native-bridge/memory.js';
import { slotLayout } from '../../dist/native-bridge/slots.js';

/** Those that the tests run on; without the twin where sanitizers look, which see nothing of it. */
export const ISAS: Isa[] = availableIsas().filter((isa) => isa !== 'ts' || !process.env.FLASHROW_NATIVE_ALONE);
/** Formats that random weights can be written in; read-only-formats.ts has the others. */
export const ALL_FORMATS = WRITABLE_FORMATS;
export const ACTIVATIONS: BridgeActivation[] = [
  ...(['relu', 'silu', 'gelu', 'gelu-tanh', 'clamped-swiglu', 'relu-squared', 'clamped-silu'] as const),
];
/** The limit of `clamped-silu`, which some products pass. */
export const ACTIVATION_LIMIT = 0.75;

/** mulberry32: the same numbers on every run. */
export class Random {
  #state: number;
  constructor(seed: number) {
    this.#state = seed;
  }
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }
  below(limit: number): number {
    return Math.floor(this.next() * limit);
  }
  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)];
  }
  floats(count: number, scale = 1): Float32Array {
    return new Float32Array(count).map(() => (2 * this.next() - 1) * scale);
  }
  shuffled(values: Iterable<number>): number[] {
    const list = [...values];
    for (let i = list.length - 1; i > 0; i--) {
      const j = this.below(i + 1);
      [list[i], list[j]] = [list[j], list[i]];
    }
    return list;
  }
}

/** A folder that is gone when the test file is done. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'flashrow-bridge-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Half precision by the book (IEEE 754, 3.6): independent of blocks.ts. */
export function naiveHalf(bits: number): number {
  const sign = bits >>> 15 ? -1 : 1;
  const exponent = (bits >>> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1024 + fraction) * 2 ** (exponent - 25);
}

/** Weight `index` of a row, straight from the description of GGML's blocks. */
export function naiveWeight(format: RowFormat, row: Uint8Array, index: number): number {
  const view = new DataView(row.buffer, row.byteOffset, row.byteLength);
  if (format === 'f32') return view.getFloat32(4 * index, true);
  if (format === 'f16') return naiveHalf(view.getUint16(2 * index, true));
  const block = Math.floor(index / 32) * FORMATS[format].blockBytes;
  const i = index % 32;
  const d = naiveHalf(view.getUint16(block, true));
  if (format === 'q8_0') return d * view.getInt8(block + 2 + i);
  const quants = block + (format === 'q4_0' ? 2 : 4);
  const byte = view.getUint8(quants + (i % 16));
  const q = i < 16 ? byte & 15 : byte >> 4;
  return format === 'q4_0' ? d * (q - 8) : d * q + naiveHalf(view.getUint16(block + 2, true));
}

/** A row of random blocks, weights about `scale` in size; every quant pattern occurs. */
export function randomRow(random: Random, format: RowFormat, columns: number, scale = 0.1): Uint8Array {
  const row = new Uint8Array(rowBytes(format, columns)).map(() => random.below(256));
  const view = new DataView(row.buffer);
  const half = (size: number) => {
    // A normal half near `size`: exponent chosen, mantissa and sign random.
    const exponent = Math.max(1, Math.min(30, Math.floor(Math.log2(size)) + 15));
    return (random.below(2) << 15) | (exponent << 10) | random.below(1024);
  };
  const { blockBytes } = FORMATS[format];
  for (let at = 0; at < row.length; at += blockBytes) {
    if (format === 'f32') view.setFloat32(at, (2 * random.next() - 1) * scale, true);
    else if (format === 'f16') view.setUint16(at, half(scale), true);
    else view.setUint16(at, half(scale / (format === 'q8_0' ? 127 : 8)), true);
    if (format === 'q4_1') view.setUint16(at + 2, half(scale), true);
  }
  return row;
}

export interface LayerSketch {
  hiddenSize: number;
  numNeurons: number;
  neuronsPerBundle?: number;
  bundlesPerUnit?: number;
  /** gate (null: none), up, down. */
  formats: [RowFormat | null, RowFormat, RowFormat];
  activation?: BridgeActivation;
  orientation?: 'by-neuron' | 'by-output';
  residentPart?: 'gate' | 'up' | null;
  /** Random biases of the gate (where there is one) and of up. */
  biases?: boolean;
  /** Factors of gate, up and down products; the plain weights have them inside. */
  factors?: { gate: number[] | null; up: number[] | null; down: number[] | null };
  /** `bundled`: one extent holds gate, up and down; `apart`: each its own, in its own file. */
  layout?: 'bundled' | 'apart';
  /** With a layout `apart`: bundles lie in no order, in two files by turns. */
  scattered?: boolean;
  /** Bytes between one bundle and the next, of garbage. */
  padding?: number;
  /** Where the first bundle begins. */
  start?: number;
  checksums?: boolean;
  scale?: number;
}

export interface BuiltLayer {
  layer: Omit<StreamLayer, 'arenaOffset' | 'slots'>;
  files: Uint8Array[];
  /**
   * Row-major over [numNeurons, hiddenSize]; down as columns, so that down[j * hiddenSize + o] is what neuron j adds to
   * output o.
   */
  weights: { gate: Float64Array | null; up: Float64Array; down: Float64Array };
}

const crc32c = (() => {
  const twin = openBridge({ isa: 'ts', threads: 1 });
  return (bytes: Uint8Array) => twin.crc32c(bytes, 0);
})();

/** Two files with the parts of all bundles in no order, garbage between them; each extent gets the places. */
function scatter(random: Random, extents: Extent[], bundles: readonly (readonly Uint8Array[])[]): Uint8Array[] {
  const files: Uint8Array[][] = [[], []];
  const lengths = [0, 0];
  const add = (file: number, bytes: Uint8Array) => {
    files[file].push(bytes);
    lengths[file] += bytes.length;
  };
  const places = extents.map(() => ({
    files: new Uint32Array(bundles.length),
    offsets: new Float64Array(bundles.length),
  }));
  const order = bundles.flatMap((parts, b) => parts.map((bytes, e) => ({ bytes, b, e, rank: random.below(1000) })));
  for (const [turn, { bytes, b, e }] of order.sort((one, other) => one.rank - other.rank).entries()) {
    const file = turn % 2;
    add(
      file,
      new Uint8Array(4 * (1 + random.below(3000))).map(() => random.below(256)),
    );
    places[e].files[b] = file;
    places[e].offsets[b] = lengths[file];
    add(file, bytes);
  }
  extents.forEach((extent, e) => {
    const [{ length: bytes }] = bundles.map((parts) => parts[e]);
    Object.assign(extent, { file: places[e].files[0], offset: places[e].offsets[0], stride: bytes, places: places[e] });
  });
  return files.map((pieces) => Buffer.concat(pieces));
}

/** Random weights laid out as the sketch says, and the same weights as plain numbers. */
export function buildLayer(random: Random, sketch: LayerSketch): BuiltLayer {
  const { hiddenSize, numNeurons, neuronsPerBundle = 1, bundlesPerUnit = 1, formats, scale = 0.1 } = sketch;
  const {
    activation = 'silu',
    orientation = 'by-neuron',
    residentPart = null,
    layout = 'bundled',
    padding = 0,
    start = 0,
  } = sketch;
  const numBundles = numNeurons / neuronsPerBundle;
  const names = formats[0] === null ? (['up', 'down'] as const) : (['gate', 'up', 'down'] as const);
  const format = { gate: formats[0], up: formats[1], down: formats[2] };

  const weights = {
    gate: formats[0] === null ? null : new Float64Array(numNeurons * hiddenSize),
    up: new Float64Array(numNeurons * hiddenSize),
    down: new Float64Array(numNeurons * hiddenSize),
  };
  /** Bytes of one part of one bundle. */
  const makePart = (name: 'gate' | 'up' | 'down', bundle: number): Uint8Array => {
    const transposed = name === 'down' && orientation === 'by-output';
    const [rows, columns] = transposed ? [hiddenSize, neuronsPerBundle] : [neuronsPerBundle, hiddenSize];
    const pieces = Array.from({ length: rows }, (_, r) => {
      const row = randomRow(random, format[name]!, columns, scale);
      for (let c = 0; c < columns; c++) {
        const [neuron, at] = transposed ? [bundle * neuronsPerBundle + c, r] : [bundle * neuronsPerBundle + r, c];
        const factors = sketch.factors?.[name] ?? [1];
        const factor = factors[Math.floor((neuron / numNeurons) * factors.length)];
        weights[name]![neuron * hiddenSize + at] = naiveWeight(format[name]!, row, c) * factor;
      }
      return row;
    });
    return Buffer.concat(pieces);
  };

  const bundles = Array.from({ length: numBundles }, (_, b) => names.map((name) => makePart(name, b)));
  const sizes = bundles[0].map((part) => part.length);
  const partOffsets = sizes.map((_, p) => sizes.slice(0, p).reduce((sum, size) => sum + size, 0));
  const apart = layout === 'apart';
  const extents: Extent[] = apart
    ? sizes.map((bytes, file) => ({ file, offset: start + 3 * file, bytes, stride: bytes + padding }))
    : [
        {
          file: 0,
          offset: start,
          bytes: partOffsets.at(-1)! + sizes.at(-1)!,
          stride: partOffsets.at(-1)! + sizes.at(-1)! + padding,
        },
      ];
  const inOrder = () =>
    extents.map(({ offset, bytes, stride }, e) => {
      const file = new Uint8Array(offset + (numBundles - 1) * stride + bytes).map(() => random.below(256));
      bundles.forEach((parts, b) => {
        file.set(Buffer.concat(apart ? [parts[e]] : parts), offset + b * stride);
      });
      return file;
    });
  const files = sketch.scattered ? scatter(random, extents, bundles) : inOrder();
  const place = (name: 'gate' | 'up' | 'down') => {
    const p = (names as readonly string[]).indexOf(name);
    return apart ? { extent: p, offset: 0 } : { extent: 0, offset: partOffsets[p] };
  };
  const segments = sizes.map((bytes, p) => ({ extent: apart ? p : 0, offset: apart ? 0 : partOffsets[p], bytes }));
  return {
    layer: {
      hiddenSize,
      numNeurons,
      neuronsPerBundle,
      bundlesPerUnit,
      activation,
      activationLimit: activation === 'clamped-silu' ? ACTIVATION_LIMIT : undefined,
      formats: format,
      downOrientation: orientation,
      extents,
      parts: { gate: formats[0] === null ? null : place('gate'), up: place('up'), down: place('down') },
      segments,
      factors: sketch.factors ?? null,
      checksums: (sketch.checksums ?? true) ? Uint32Array.from(bundles.flat(), crc32c) : null,
      residentPart,
      biases: {
        gate: sketch.biases && formats[0] !== null ? random.floats(numNeurons, 1) : null,
        up: sketch.biases ? random.floats(numNeurons, 1) : null,
      },
    },
    files,
    weights,
  };
}

/** What rounding may amount to, as a share of the sizes of what is added. */
const ROUNDING = 5e-6;

/**
 * What an activation's rounding is a share of: the terms' size where its slope is about 1 at most. A square's error is
 * (sum + e)^2 - sum^2 for the error e of its sum.
 */
const activationSize = (name: BridgeActivation, { sum, size }: { sum: number; size: number }): number =>
  name === 'relu-squared' ? size * (2 * Math.max(0, sum) + ROUNDING * size) : size;

/**
 * The network by its definition, in double precision; `bound` is what float32 rounding may amount to, output by output.
 * `steps` is what rounding h to integers may add to it, on a set that multiplies integers.
 */
export function naiveFfn(
  { layer, weights }: BuiltLayer,
  x: Float32Array,
  tokens: number,
  bundles?: readonly number[],
): { y: Float64Array; bound: Float64Array; steps: Float64Array } {
  const { hiddenSize, numNeurons, neuronsPerBundle, activation } = layer;
  const y = new Float64Array(tokens * hiddenSize);
  const bound = new Float64Array(tokens * hiddenSize);
  const steps = new Float64Array(tokens * hiddenSize);
  const wanted = bundles ?? Array.from({ length: numNeurons / neuronsPerBundle }, (_, b) => b);
  const product = (name: 'gate' | 'up', matrix: Float64Array, neuron: number, token: number) => {
    let sum = layer.biases?.[name]?.[neuron] ?? 0;
    let size = Math.abs(sum);
    for (let i = 0; i < hiddenSize; i++) {
      const term = matrix[neuron * hiddenSize + i] * x[token * hiddenSize + i];
      sum += term;
      size += Math.abs(term);
    }
    return { sum, size };
  };
  for (let t = 0; t < tokens; t++) {
    const hidden = new Float64Array(numNeurons);
    for (const bundle of wanted)
      for (let j = bundle * neuronsPerBundle; j < (bundle + 1) * neuronsPerBundle; j++) {
        const up = product('up', weights.up, j, t);
        const gate = weights.gate === null ? null : product('gate', weights.gate, j, t);
        const h =
          gate === null
            ? naiveActivation(activation, up.sum)
            : naiveActivation(activation, gate.sum) * naiveUp(activation, up.sum);
        const size = gate === null ? activationSize(activation, up) : activationSize(activation, gate) * (up.size + 1);
        hidden[j] = h;
        for (let o = 0; o < hiddenSize; o++) {
          y[t * hiddenSize + o] += h * weights.down[j * hiddenSize + o];
          bound[t * hiddenSize + o] += ROUNDING * size * Math.abs(weights.down[j * hiddenSize + o]);
        }
      }
    addSteps(layer, weights.down, hidden, steps.subarray(t * hiddenSize, (t + 1) * hiddenSize));
  }
  return { y, bound, steps };
}

/** Half a step of each h that is multiplied as an integer: a step is the largest of 32 over 32639. */
function addSteps(layer: BuiltLayer['layer'], down: Float64Array, h: Float64Array, steps: Float64Array): void {
  if (layer.downOrientation === 'by-neuron' || FORMATS[layer.formats.down].blockSize === 1) return;
  for (let from = 0; from < h.length; from += BLOCK) {
    const largest = h.subarray(from, from + BLOCK).reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    for (let j = from; j < Math.min(h.length, from + BLOCK); j++)
      for (let o = 0; o < steps.length; o++)
        steps[o] += ((1.01 * (largest / 32639)) / 2) * Math.abs(down[j * steps.length + o]);
  }
}

/** Whether a set multiplies block formats as integers. */
export const multipliesIntegers = (isa: Isa): boolean => isa === 'avx512' || isa === 'neon';

export function naiveActivation(name: BridgeActivation, x: number): number {
  switch (name) {
    case 'relu':
      return Math.max(0, x);
    case 'silu':
      return x * (1 / (1 + Math.exp(-x)));
    case 'gelu':
      return x * normalDistribution(x);
    case 'gelu-tanh':
      return (x / 2) * (1 + Math.tanh(0.7978845608028654 * (x + 0.044715 * x * x * x)));
    case 'clamped-swiglu':
      return x > 7 ? 7 / (1 + Math.exp(-7 * 1.702)) : x / (1 + Math.exp(-x * 1.702));
    case 'relu-squared':
      return x > 0 ? x * x : 0;
    case 'clamped-silu':
      return x > ACTIVATION_LIMIT ? naiveActivation('silu', ACTIVATION_LIMIT) : naiveActivation('silu', x);
  }
}

/** gpt-oss multiplies by 1 + up, up within 7 of zero; DeepSeek V4 by up within a limit; all others by up. */
function naiveUp(name: BridgeActivation, up: number): number {
  const within = (limit: number) => Math.sign(up) * Math.min(limit, Math.abs(up));
  if (name === 'clamped-silu') return within(ACTIVATION_LIMIT);
  return name === 'clamped-swiglu' ? 1 + within(7) : up;
}

/** P(Z <= x) of the normal distribution: Simpson's rule over its density from 0 on, good to 1e-8. */
function normalDistribution(x: number): number {
  if (x > 9) return 1;
  if (x < -12) return 0;
  const steps = 2 * Math.ceil(16 * Math.abs(x)) + 2;
  const width = x / steps;
  let sum = 0;
  for (let i = 0; i <= steps; i++) {
    const weight = i === 0 || i === steps ? 1 : i % 2 === 1 ? 4 : 2;
    sum += weight * Math.exp(-((i * width) ** 2) / 2);
  }
  return 0.5 + (sum * width) / 3 / Math.sqrt(2 * Math.PI);
}

/** Index and values of the first element beyond its bound, or null. */
export function firstBeyond(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  bound: ArrayLike<number> | number,
): string | null {
  for (let i = 0; i < expected.length; i++) {
    const allowed = (typeof bound === 'number' ? bound : bound[i]) + 1e-30;
    if (!(Math.abs(actual[i] - expected[i]) <= allowed))
      return `[${i}] is ${actual[i]}, not ${expected[i]} +- ${allowed}`;
  }
  return null;
}

/** Columns of one block of inputs where a set turns them into integers. */
const BLOCK = 32;

/**
 * y = x W^T by its definition, in double precision. `bound` is what float32 rounding may amount to and, for the block
 * formats of a set that multiplies integers, half a step of each input: a step is the largest of 32 inputs over 32639.
 */
export function naiveMatmul(weights: Float64Array[], x: Float32Array, tokens: number, isa: Isa, format: RowFormat) {
  const y = new Float64Array(tokens * weights.length);
  const bound = new Float64Array(y.length);
  const integers = multipliesIntegers(isa) && FORMATS[format].blockSize > 1;
  for (let t = 0; t < tokens; t++)
    weights.forEach((row, r) => {
      const inputs = x.subarray(t * row.length, (t + 1) * row.length);
      const at = t * weights.length + r;
      for (let from = 0; from < row.length; from += BLOCK) {
        let [largest, size] = [2 ** -90, 0];
        for (let c = from; c < Math.min(row.length, from + BLOCK); c++) {
          y[at] += row[c] * inputs[c];
          bound[at] += 2e-6 * Math.abs(row[c] * inputs[c]);
          largest = Math.max(largest, Math.abs(inputs[c]));
          size += Math.abs(row[c]);
        }
        if (integers) bound[at] += (1.01 * (largest / 32639) * size) / 2;
      }
    });
  return { y, bound };
}

export const bits = (values: Float32Array): Buffer => Buffer.from(values.buffer, values.byteOffset, values.byteLength);

let serial = 0;

/** Writes a layer's files; extents of layers opened together keep their own files. */
export function writeFiles(folder: string, files: readonly Uint8Array[]): string[] {
  return files.map((bytes) => {
    const path = join(folder, `rows-${serial++}.bin`);
    writeFileSync(path, bytes);
    return path;
  });
}

export interface Opened {
  stream: RowStream;
  paths: string[];
  /** Arena offset behind all layers' slots: room for a ring of `ringBytes`. */
  ringOffset: number;
  numUnits: number[];
}

/**
 * A stream over layers, each with `slots` slots (default: one per unit), or all with the same where `shared`: their
 * slots must be of one size.
 */
export function openStream(
  bridge: Bridge,
  folder: string,
  built: readonly BuiltLayer[],
  options: {
    slots?: number;
    shared?: boolean;
    ringBytes?: number;
    direct?: boolean;
    readThreads?: number;
    mergeGapBytes?: number;
    filledAtOnce?: boolean;
    paths?: string[];
  } = {},
): Opened {
  const paths: string[] = [];
  let arenaBytes = 0;
  const numUnits: number[] = [];
  const layers = built.map(({ layer, files }) => {
    const firstFile = paths.length;
    paths.push(...(options.paths ?? writeFiles(folder, files)));
    const units = Math.ceil(numBundles(layer) / layer.bundlesPerUnit);
    numUnits.push(units);
    const arenaOffset = options.shared ? 0 : arenaBytes;
    const slots = options.slots ?? units;
    arenaBytes = roundUp(arenaOffset + slots * slotLayout(layer).bytes, DEVICE_BLOCK);
    const extents = layer.extents.map(({ places, ...extent }) => ({
      ...extent,
      file: extent.file + firstFile,
      ...(places && { places: { ...places, files: places.files.map((file) => file + firstFile) } }),
    }));
    return { ...layer, extents, arenaOffset, slots };
  });
  const stream = bridge.createStream({
    paths,
    arenaBytes: arenaBytes + roundUp(options.ringBytes ?? 0, DEVICE_BLOCK),
    readThreads: options.readThreads ?? 4,
    direct: options.direct ?? false,
    mergeGapBytes: options.mergeGapBytes ?? 4096,
    filledAtOnce: options.filledAtOnce,
    layers,
  });
  return { stream, paths, ringOffset: arenaBytes, numUnits };
}

export const range = (count: number): Uint32Array => Uint32Array.from({ length: count }, (_, i) => i);

/**
 * A call over all of `units`: unless it says otherwise one token of layer 0, each unit weighs 1, and y is overwritten.
 */
export const ffnCall = (
  call: Partial<FeedForwardCall> & Pick<FeedForwardCall, 'units' | 'slots' | 'x' | 'y'>,
): FeedForwardCall => ({
  layer: 0,
  count: call.units.length,
  tokens: 1,
  residentProducts: null,
  weights: null,
  accumulate: false,
  ...call,
});

/** Requests and computes all units of a layer in slots 0, 1, 2... */
export function computeAll(
  { stream, numUnits }: Opened,
  built: BuiltLayer,
  layer: number,
  x: Float32Array,
  tokens: number,
  residentProducts: Float32Array | null = null,
): Float32Array {
  const units = range(numUnits[layer]);
  const y = new Float32Array(tokens * built.layer.hiddenSize);
  stream.request(layer, units, units, units.length);
  stream.ffn(ffnCall({ layer, units, slots: units, x, tokens, residentProducts, y }));
  return y;
}

/** What `call` throws, or a failed test. */
export function thrownBy(call: () => unknown): Error & { code?: string; details?: Record<string, unknown> } {
  try {
    call();
  } catch (error) {
    return error as Error;
  }
  throw new Error('nothing was thrown');
}
