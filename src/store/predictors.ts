import { createHash } from 'node:crypto';
import { closeSync, existsSync, fstatSync, openSync, readFileSync, readSync } from 'node:fs';
import { join } from 'node:path';
import type { Crc32c } from '../../native-bridge/crc32c.js';
import { rowBytes } from '../../native-bridge/formats.js';
import { FlashrowError } from '../errors.js';
import { packChecked, unpackChecked } from './checked-message.js';
import { type LayerStatistics, REUSE_WINDOWS } from './layer-statistics.js';
import { MANIFEST_FILE } from './manifest.js';
import { broken, type FieldsOrigin, ManifestFields } from './manifest-fields.js';
import type { Store } from './reader.js';

/*
 * predictors.bin: "flashprd", the header's length as uint32 LE, the header as a checked message (checked-message.ts),
 * then the data. Offsets count from the end of the header. Each layer has the two matrices of a low-rank predictor, its
 * bias, and each neuron's uses: how often calibration saw it active.
 */
export const PREDICTORS_FILE = 'predictors.bin';
const MAGIC = 'flashprd';
const FORMAT_VERSION = 0;
const MAX_HEADER_BYTES = 64 << 20;
export const PREDICTOR_FORMATS = ['f32', 'q4_0'] as const;
export type PredictorFormat = (typeof PREDICTOR_FORMATS)[number];

/** A run of bytes with its CRC-32C. */
export interface PredictorRun {
  offset: number;
  bytes: number;
  checksum: number;
}

/** One layer's low-rank predictor (select/low-rank.ts). */
export interface LayerPredictor {
  rank: number;
  format: PredictorFormat;
  threshold: number;
  statistics: LayerStatistics;
  /** The `sign` selector (select/sign.ts): the number of columns that must agree, and its results. */
  sign: { threshold: number; falseNegativeRate: number; chosenShare: number };
  /** [rank, hiddenSize]. */
  inner: PredictorRun;
  /** [numNeurons, rank]. */
  outer: PredictorRun;
  /** f32 [numNeurons]. */
  bias: PredictorRun;
  /** uint32 [numNeurons]: tokens that activated each neuron. */
  uses: PredictorRun;
}

export interface PredictorsHeader {
  /** Hex SHA-256 of the manifest of the store used for training. */
  model: string;
  /** Tokens of the calibration, and those of them that were used only for measurement. */
  tokens: number;
  heldOutTokens: number;
  seed: number;
  layers: LayerPredictor[];
}

export interface Predictors extends PredictorsHeader {
  path: string;
  /** Size of the file. */
  bytes: number;
}

/** Ties predictors to the store that they were trained on: the hex SHA-256 of its manifest. */
export const storeIdentity = (storePath: string): string =>
  createHash('sha256')
    .update(readFileSync(join(storePath, MANIFEST_FILE)))
    .digest('hex');

/**
 * The predictors beside a store; null where it was never calibrated. Their matrices are not read yet. Throws CORRUPT
 * where the file is damaged or was made for another model, UNSUPPORTED where a newer flashrow made it.
 */
export function readPredictors(store: Pick<Store, 'path' | 'spec'>): Predictors | null {
  const path = join(store.path, PREDICTORS_FILE);
  if (!existsSync(path)) return null;
  const file = openSync(path, 'r');
  try {
    const { size } = fstatSync(file);
    const start = Buffer.alloc(MAGIC.length + 4);
    readSync(file, start, 0, start.length, 0);
    const headerBytes = start.readUInt32LE(MAGIC.length);
    const room = Math.min(MAX_HEADER_BYTES, size - start.length);
    if (start.toString('latin1', 0, MAGIC.length) !== MAGIC || headerBytes > room)
      throw damagedPredictors(path, 'it is cut short, or it is no file of predictors');
    const header = Buffer.alloc(headerBytes);
    readSync(file, header, 0, headerBytes, start.length);
    const origin: Origin = { path, fileBytes: size, dataOffset: start.length + headerBytes };
    return { ...checkHeader(unpack(path, header), origin, store), path, bytes: size };
  } finally {
    closeSync(file);
  }
}

function unpack(path: string, header: Buffer): unknown {
  try {
    return unpackChecked(header);
  } catch (error) {
    throw damagedPredictors(path, (error as Error).message);
  }
}

interface Origin {
  path: string;
  fileBytes: number;
  /** The byte at which the header ends. */
  dataOffset: number;
}

/** Checks the header. In the result, offsets count from the start of the file. */
function checkHeader(
  value: unknown,
  { path, fileBytes, dataOffset }: Origin,
  { path: storePath, spec }: Pick<Store, 'path' | 'spec'>,
): PredictorsHeader {
  const origin: FieldsOrigin = { file: path, remedy: 'run `calibrateStore()` again' };
  const fields = new ManifestFields(value, '', origin);
  const formatVersion = fields.integer('formatVersion', 0);
  if (formatVersion > FORMAT_VERSION)
    throw new FlashrowError(
      'UNSUPPORTED',
      `${path} was written by a newer flashrow; update flashrow, or run \`calibrateStore()\` again`,
      {
        formatVersion,
        supported: FORMAT_VERSION,
      },
    );
  const model = fields.text('model');
  if (model !== storeIdentity(storePath))
    throw damagedPredictors(path, 'it was made for another model, or another conversion');
  const { hiddenSize, intermediateSize } = spec;
  const layers = fields.maps('layers', spec.numLayers).map((layer): LayerPredictor => {
    const format = layer.oneOf('format', PREDICTOR_FORMATS);
    const rank = layer.integer('rank', 1, hiddenSize);
    const run = (key: string, bytes: number): PredictorRun => {
      const at = layer.fields(key);
      const offset = dataOffset + at.integer('offset', 0);
      const found = { offset, bytes: at.integer('bytes', 0), checksum: at.integer('checksum', 0) };
      if (found.bytes !== bytes) broken(at.path('bytes'), found.bytes, String(bytes), origin);
      if (offset + bytes > fileBytes) broken(at.path('offset'), offset - dataOffset, 'inside the file', origin);
      return found;
    };
    return {
      rank,
      format,
      threshold: real(layer, 'threshold'),
      statistics: checkStatistics(layer.fields('statistics')),
      sign: checkSign(layer.fields('sign')),
      inner: run('inner', rank * rowBytes(format, hiddenSize)),
      outer: run('outer', intermediateSize * rowBytes(format, rank)),
      bias: run('bias', 4 * intermediateSize),
      uses: run('uses', 4 * intermediateSize),
    };
  });
  const tokens = fields.integer('tokens', 1);
  return {
    model,
    tokens,
    heldOutTokens: fields.integer('heldOutTokens', 1, tokens),
    seed: fields.integer('seed', 0),
    layers,
  };
}

function checkStatistics(fields: ManifestFields): LayerStatistics {
  return {
    activeShare: fields.number('activeShare'),
    hotShare: fields.number('hotShare'),
    reuse: fields.maps('reuse', REUSE_WINDOWS.length).map((window) => ({
      hitRate: window.number('hitRate'),
      newShare: window.number('newShare'),
      unionShare: window.number('unionShare'),
    })),
    falseNegativeRate: fields.number('falseNegativeRate'),
    falsePositiveRate: fields.number('falsePositiveRate'),
    chosenShare: fields.number('chosenShare'),
  };
}

function checkSign(fields: ManifestFields): LayerPredictor['sign'] {
  return {
    threshold: real(fields, 'threshold'),
    falseNegativeRate: fields.number('falseNegativeRate'),
    chosenShare: fields.number('chosenShare'),
  };
}

/** Any number, also minus infinity. */
function real(fields: ManifestFields, key: string): number {
  const value = fields.any(key);
  if (typeof value !== 'number' || Number.isNaN(value)) broken(fields.path(key), value, 'a number', fields.origin);
  return value;
}

/** The bytes of a run. Throws CORRUPT where its checksum does not match. */
export function readRun({ path }: Predictors, { offset, bytes, checksum }: PredictorRun, crc32c: Crc32c): Buffer {
  const run = Buffer.alloc(bytes);
  const file = openSync(path, 'r');
  try {
    readSync(file, run, 0, bytes, offset);
  } finally {
    closeSync(file);
  }
  if (crc32c(run, 0) !== checksum) throw damagedPredictors(path, `its checksum at ${offset} does not match`);
  return run;
}

export const damagedPredictors = (path: string, reason: string) =>
  new FlashrowError('CORRUPT', `${path} cannot be used: ${reason}; run \`calibrateStore()\` again, or delete it`, {
    file: path,
  });

/** The start of a file, up to the end of the header. Offsets in `header` count from that end. */
export function encodeHeader(header: PredictorsHeader): Buffer {
  const packed = packChecked({ formatVersion: FORMAT_VERSION, ...header });
  const length = Buffer.alloc(4);
  length.writeUInt32LE(packed.length);
  return Buffer.concat([Buffer.from(MAGIC, 'latin1'), length, packed]);
}

/** Bytes of one layer's predictor in the file. */
export const predictorBytes = (
  rank: number,
  format: PredictorFormat,
  { hiddenSize, numNeurons }: { hiddenSize: number; numNeurons: number },
): number => rank * rowBytes(format, hiddenSize) + numNeurons * (rowBytes(format, rank) + 8);
