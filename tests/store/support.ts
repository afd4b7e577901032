import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterAll, expect } from 'vitest';
import { dequantize } from '../../dist/native-bridge/blocks.js';
import { rangeOf } from '../../dist/native-bridge/bundles.js';
import { crc32c as tableCrc32c } from '../../dist/native-bridge/crc32c.js';
import { FORMATS, isWritableFormat, type RowFormat } from '../../dist/native-bridge/formats.js';
import { FlashrowError } from '../../dist/src/errors.js';
import type { Checkpoint, CheckpointTensor } from '../../dist/src/import/checkpoint.js';
import type { Activation } from '../../dist/src/model/spec.js';
import type { Store } from '../../dist/src/store/reader.js';
import { type WriteOptions, writeStore } from '../../dist/src/store/write/writer.js';
import { random } from '../support/random.js';
import { expertsSpec, modelSpec } from '../support/spec.js';

export { random };

export type SourceFormat = RowFormat;

export const crc32c = (bytes: Uint8Array, seed: number) => tableCrc32c(bytes, seed);

/** Conversions sync each step, and the tests make some hundred of them: in memory that costs nothing. */
const SCRATCH = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

/** A folder that goes away with the test file. */
export function scratchFolder(): string {
  const folder = mkdtempSync(join(SCRATCH, 'flashrow-store-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

const blocksOf = (format: SourceFormat): [weights: number, bytes: number] => [
  FORMATS[format].blockSize,
  FORMATS[format].blockBytes,
];

export const bytesFor = (format: SourceFormat, weights: number) => {
  const [size, bytes] = blocksOf(format);
  return (weights / size) * bytes;
};

/** The value of IEEE half bits, by its definition. */
export function half(bits: number): number {
  const sign = bits >> 15 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const mantissa = bits & 1023;
  if (exponent === 0) return sign * mantissa * 2 ** -24;
  return exponent === 31 ? Number.NaN : sign * (1024 + mantissa) * 2 ** (exponent - 25);
}

/**
 * GGML's blocks by their definition, in doubles; those of 256 as tests/native-bridge/super-blocks.test.ts has found
 * them right.
 */
export function decode(format: SourceFormat, bytes: Buffer): number[] {
  const values: number[] = [];
  const [size, step] = blocksOf(format);
  if (format !== 'bf16' && !isWritableFormat(format)) {
    const floats = new Float32Array((bytes.length / step) * size);
    dequantize(format, bytes, 0, floats.length, floats, 0);
    return [...floats];
  }
  for (let at = 0; at < bytes.length; at += step) {
    if (format === 'f32') values.push(bytes.readFloatLE(at));
    else if (format === 'f16') values.push(half(bytes.readUInt16LE(at)));
    else if (format === 'bf16') values.push(Buffer.from([0, 0, bytes[at], bytes[at + 1]]).readFloatLE());
    else {
      const scale = half(bytes.readUInt16LE(at));
      for (let i = 0; i < size; i++) {
        if (format === 'q8_0') values.push(scale * bytes.readInt8(at + 2 + i));
        else {
          const packed = bytes[at + (format === 'q4_0' ? 2 : 4) + (i % 16)];
          const level = i < 16 ? packed & 15 : packed >> 4;
          values.push(format === 'q4_0' ? scale * (level - 8) : scale * level + half(bytes.readUInt16LE(at + 2)));
        }
      }
    }
  }
  return values;
}

/** Where a block's halves are, if not at its start alone. */
const HALVES: Partial<Record<SourceFormat, readonly number[]>> = {
  q4_1: [0, 2],
  q5_1: [0, 2],
  q2_K: [80, 82],
  q3_K: [108],
  q4_K: [0, 2],
  q5_K: [0, 2],
  q6_K: [208],
};

/** Random weights between about -2 and 2, as a file holds them. */
function randomWeights(format: SourceFormat, weights: number, next: () => number): Buffer {
  const bytes = Buffer.alloc(bytesFor(format, weights));
  if (format === 'f32') {
    for (let at = 0; at < bytes.length; at += 4) bytes.writeFloatLE(4 * next() - 2, at);
    return bytes;
  }
  for (let at = 0; at < bytes.length; at++) bytes[at] = next() * 256;
  // Exponents of halves are kept below 1 in f16 and low in scales, those of bf16 near 1, so that all is finite.
  const [, step] = blocksOf(format);
  for (let at = 0; at < bytes.length; at += step) {
    if (format === 'mxfp4') {
      bytes[at] = 125 + (at % 3);
      continue;
    }
    const places = (HALVES[format] ?? [0]).map((place) => at + place);
    for (const place of places) {
      if (format === 'bf16') bytes[place + 1] = (bytes[place + 1] & 0x80) | 0x3f;
      else bytes[place + 1] &= format === 'f16' ? 0xbf : 0xa3;
    }
  }
  return bytes;
}

export interface ModelShape {
  hiddenSize: number;
  intermediateSize: number;
  numLayers?: number;
  vocabSize?: number;
  activation?: Activation;
  gated?: boolean;
  tied?: boolean;
  /** Of every matrix, or of the feed-forward ones and the others. */
  rows?: SourceFormat;
  down?: SourceFormat;
  dense?: SourceFormat;
  norms?: SourceFormat;
  /**
   * With experts, `intermediateSize` is that of one; `apart` keeps each expert's matrices by themselves, as Hugging
   * Face does.
   */
  experts?: { numExperts: number; apart?: boolean; shared?: number };
  /**
   * Byte at which data begins. By default no tensor is aligned to anything but 2 bytes, as safetensors may have it;
   * single weights of 4 bytes can be read in place only from multiples of 4.
   */
  dataStart?: number;
  seed?: number;
}

export interface TestCheckpoint extends Checkpoint {
  /** A tensor's bytes as the source file holds them. */
  raw(name: string): Buffer;
  /** A tensor's values, row by row. */
  values(name: string): number[];
}

/** A llama of random weights in one file, as an importer would describe it. */
export function randomCheckpoint(folder: string, shape: ModelShape): TestCheckpoint {
  const { hiddenSize, intermediateSize, numLayers = 2, vocabSize = 48, activation = 'silu' } = shape;
  const {
    gated = true,
    tied = false,
    rows = 'f32',
    down = rows,
    dense = 'f32',
    norms = 'f32',
    experts,
    dataStart = 38,
    seed = 1,
  } = shape;
  const next = random(seed);
  const path = join(folder, `source-${seed}-${Math.floor(Math.random() * 1e9)}.bin`);
  const tensors = new Map<string, CheckpointTensor>();
  const pieces: Buffer[] = [Buffer.alloc(dataStart)];
  let offset = dataStart;
  const add = (name: string, format: SourceFormat, dimensions: number[]) => {
    const weights = dimensions.reduce((a, b) => a * b);
    const bytes = randomWeights(format, weights, next);
    tensors.set(name, {
      name,
      sourceName: `source.${name}`,
      shape: dimensions,
      format,
      path,
      offset,
      bytes: bytes.length,
    });
    pieces.push(bytes);
    offset += bytes.length;
  };
  /** A matrix, or one per expert: one after another, or in no order and with holes between them. */
  const addStreamed = (name: string, format: SourceFormat, dimensions: number[]) => {
    if (!experts) return add(name, format, dimensions);
    const { numExperts, apart = false } = experts;
    if (!apart) return add(name, format, [numExperts, ...dimensions]);
    const places: { path: string; offset: number }[] = [];
    for (let index = 0; index < numExperts; index++) {
      const expert = (index * 3 + 1) % numExperts;
      add(`${name}.${expert}`, format, dimensions);
      places[expert] = { path, offset: tensors.get(`${name}.${expert}`)!.offset };
      pieces.push(Buffer.alloc(6));
      offset += 6;
    }
    const { bytes } = tensors.get(`${name}.0`)!;
    const stack = { name, sourceName: `source.${name}`, shape: [numExperts, ...dimensions], format };
    tensors.set(name, { ...stack, ...places[0], bytes: bytes * numExperts, parts: places });
  };
  const headDim = hiddenSize / 2;
  for (let layer = 0; layer < numLayers; layer++) {
    const named = (name: string) => `layers.${layer}.${name}`;
    addStreamed(named('down'), down, [hiddenSize, intermediateSize]);
    if (gated) addStreamed(named('gate'), rows, [intermediateSize, hiddenSize]);
    addStreamed(named('up'), rows, [intermediateSize, hiddenSize]);
    if (experts) add(named('router'), 'f32', [experts.numExperts, hiddenSize]);
    if (experts?.shared) {
      add(named('sharedRouter'), 'f32', [1, hiddenSize]);
      for (const name of ['sharedGate', 'sharedUp']) add(named(name), dense, [experts.shared, hiddenSize]);
      add(named('sharedDown'), dense, [hiddenSize, experts.shared]);
    }
    add(named('attentionNorm'), norms, [hiddenSize]);
    add(named('ffnNorm'), norms, [hiddenSize]);
    for (const name of ['q', 'o']) add(named(name), dense, [hiddenSize, hiddenSize]);
    for (const name of ['k', 'v']) add(named(name), dense, [headDim, hiddenSize]);
  }
  add('embedding', dense, [vocabSize, hiddenSize]);
  add('finalNorm', norms, [hiddenSize]);
  if (!tied) add('head', dense, [vocabSize, hiddenSize]);
  const file = Buffer.concat(pieces);
  writeFileSync(path, file);

  const spec = modelSpec({
    name: 'random',
    vocabSize,
    hiddenSize,
    intermediateSize,
    numLayers,
    numAttentionHeads: 2,
    numKeyValueHeads: 1,
    headDim,
    contextLength: 64,
    rotary: {
      theta: 10000,
      dimension: headDim - (headDim % 2),
      layout: 'halves',
      frequencyFactors: null,
      magnitude: 1,
    },
    activation,
    gated,
    tiedEmbeddings: tied,
    experts: experts
      ? expertsSpec({
          numExperts: experts.numExperts,
          intermediateSize,
          sharedIntermediateSize: experts.shared ?? 0,
        })
      : null,
  });
  const raw = (name: string) => {
    const tensor = tensors.get(name)!;
    if (tensor.parts) {
      const bytes = tensor.bytes / tensor.parts.length;
      return Buffer.concat(tensor.parts.map((part) => file.subarray(part.offset, part.offset + bytes)));
    }
    return file.subarray(tensor.offset, tensor.offset + tensor.bytes);
  };
  return {
    kind: 'gguf',
    path,
    files: [{ path, bytes: file.length, headerBytes: dataStart }],
    digest: `digest of ${seed}`,
    spec,
    tensors,
    vocabulary: null as unknown as Checkpoint['vocabulary'],
    raw,
    values: (name) => decode(tensors.get(name)!.format as SourceFormat, raw(name)),
  };
}

export const STORED: WriteOptions['stored'] = {
  tokenizer: { model: { vocab: { a: 0 } }, note: 'grüße' },
  chatTemplate: '{{ messages }}',
  generationConfig: { do_sample: true, temperature: 0.6 },
  text: { bosId: 1, eosIds: [2, 3], addBos: true, addEos: false },
};

export const convert = (checkpoint: Checkpoint, destination: string, options: Partial<WriteOptions> = {}) =>
  writeStore(checkpoint, destination, { stored: STORED, crc32c, ...options });

function readAt(path: string, offset: number, bytes: number): Buffer {
  const into = Buffer.alloc(bytes);
  const file = openSync(path, 'r');
  expect(readSync(file, into, 0, bytes, offset)).toBe(bytes);
  closeSync(file);
  return into;
}

/** A part of a bundle as it lies in the store's file, found through the geometry. */
export function readPart(store: Store, layer: number, name: 'gate' | 'up' | 'down', bundle: number): Buffer {
  const { parts, formats, neuronsPerBundle, hiddenSize } = store.layers[layer];
  const { extent, offset } = parts[name]!;
  const { file, offset: start } = rangeOf(store.layers[layer], extent, bundle)!;
  return readAt(store.files[file], start + offset, bytesFor(formats[name]!, neuronsPerBundle * hiddenSize));
}

export function readResident(store: Store, name: string): Buffer {
  const { path, offset, bytes } = store.tensors.get(name)!;
  return readAt(path, offset, bytes);
}

/** Every file below a folder, its bytes as a string of as many characters (buffers are slow to compare). */
export function contents(folder: string): Map<string, string> {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((path) => statSync(path).isFile());
  return new Map(files.sort().map((path) => [relative(folder, path), readFileSync(path, 'latin1')]));
}

/** What `act` throws, which must be a FlashrowError. */
export async function failure(act: () => unknown): Promise<FlashrowError> {
  try {
    await act();
  } catch (error) {
    if (error instanceof FlashrowError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}
