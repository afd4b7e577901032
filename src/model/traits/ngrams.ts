import { shown } from '../../errors.js';
import type { FolderTensors, PartsOfMatrix, SourceTensors } from '../architecture.js';
import type { Fields } from '../fields.js';
import { kernelSize } from '../recurrent-family.js';
import type { ModelSpec, NgramsSpec } from '../spec.js';

type Key = (suffix: string) => string;

/** The table in GGUF files, and in folders that hold it as one tensor. */
const GGUF_TABLE = 'per_layer_token_embd.weight';
const inFolder = (layer: number) => `model.layers.${layer}.ple.ple_embedding.`;
/** What a folder calls the table of a layer; and its parts, counted from 0. */
export const tableInFolder = (layer: number): string => `${inFolder(layer)}ngram_embedding.weight`;
const partInFolder = (layer: number, part: number): string => `${inFolder(layer)}ngram_embedding.shard_${part}.weight`;
/** The constants of the hash, which are read while a folder opens. */
export const HASH_CONSTANTS = /\.ple_embedding\.(layer_multipliers|ngram_heads_vocab_sizes|ngram_heads_offsets)$/;

/** Far above any model. */
const [MAX_NGRAM, MAX_HEADS, MAX_ROWS, MAX_PARTS] = [16, 256, 2 ** 31 - 1, 65536];

/** A list of whole numbers. Throws CORRUPT. */
export function wholeNumbers(fields: Fields, key: string, length: number): (number | bigint)[] {
  return checkedList(fields, key, fields.raw(key), length);
}

function checkedList(fields: Fields, key: string, values: unknown, length: number): (number | bigint)[] {
  const isWhole = (value: unknown) => typeof value === 'bigint' || Number.isSafeInteger(value);
  if (Array.isArray(values) && values.length === length && values.every(isWhole)) return values;
  throw fields.corrupt(
    key,
    `is ${values === undefined ? 'missing' : shown(values)}; it should be a list of whole numbers, ${length} of them`,
  );
}

/** Numbers of rows. Throws CORRUPT. */
function rowsIn(fields: Fields, key: string, values: readonly (number | bigint)[], least: number): number[] {
  return values.map((value) => {
    if (value < least || value > MAX_ROWS)
      throw fields.corrupt(key, `has ${value}; rows of a table are from ${least} to ${MAX_ROWS}`);
    return Number(value);
  });
}

/** What the two kinds of checkpoint call the same things. */
interface Names {
  layers: string;
  size: string;
  headsPerNgram: string;
  rows: string;
  kernel: string;
  offsets: string;
  counts: string;
  multipliers: string;
}

/** Sizes of the n-grams. Throws CORRUPT. */
function sizesOf(fields: Fields, names: Names): { size: number; headsPerNgram: number; heads: number } {
  const size = fields.size(names.size);
  const headsPerNgram = fields.size(names.headsPerNgram);
  const heads = (size - 1) * headsPerNgram;
  if (size < 2 || size > MAX_NGRAM || heads > MAX_HEADS)
    throw fields.corrupt(names.size, `is ${size}; n-grams are of 2 to ${MAX_NGRAM} tokens`);
  return { size, headsPerNgram, heads };
}

/** Throws UNSUPPORTED unless the one layer of a list is one with a delta net. `first` is the number of the first. */
function layerOf(fields: Fields, key: string, spec: ModelSpec, first: 0 | 1): number {
  const [listed] = wholeNumbers(fields, key, 1).map(Number);
  const layer = listed - first;
  if (layer < 0 || layer >= spec.numLayers || !spec.recurrent?.layers[layer])
    throw fields.unsupported(key, `is ${listed}, which is no layer with a delta net`);
  return layer;
}

/** The parts of the hash that both kinds of checkpoint hold as lists of numbers. Throws CORRUPT. */
function hashOf(
  fields: Fields,
  names: Names,
  { size, heads }: { size: number; heads: number },
  list: (key: string, length: number) => (number | bigint)[],
): Pick<NgramsSpec, 'firstRows' | 'numRows' | 'multipliers'> {
  return {
    firstRows: rowsIn(fields, names.offsets, list(names.offsets, heads), 0),
    numRows: rowsIn(fields, names.counts, list(names.counts, heads), 1),
    multipliers: list(names.multipliers, size).map((value) => BigInt.asUintN(64, BigInt(value)).toString()),
  };
}

const rowsNeeded = ({ firstRows, numRows }: Pick<NgramsSpec, 'firstRows' | 'numRows'>): number =>
  Math.max(...firstRows.map((first, head) => first + numRows[head]));

function checkTable(fields: Fields, table: string, tableRows: number, needed: number, offsets: string): void {
  if (tableRows < needed) throw fields.corrupt(table, `has ${tableRows} rows, and "${offsets}" asks for ${needed}`);
}

function checkWidth(fields: Fields, key: string, rowSize: number, heads: number, spec: ModelSpec): void {
  if (heads * rowSize !== spec.hiddenSize)
    throw fields.corrupt(
      key,
      `is ${rowSize}; the ${heads} rows of a token should have ${spec.hiddenSize} values together`,
    );
}

/** The n-grams of a GGUF file; null where it has none. Throws CORRUPT or UNSUPPORTED. */
export function ggufNgrams(metadata: Fields, key: Key, spec: ModelSpec, tensors: SourceTensors): NgramsSpec | null {
  const names: Names = {
    layers: key('ple.layers'),
    size: key('ple.ngram_size'),
    headsPerNgram: key('ple.heads_per_ngram'),
    rows: key('embedding_length_per_layer_input'),
    kernel: key('ple.conv_kernel'),
    offsets: key('ple.head_offsets'),
    counts: key('ple.head_vocab_sizes'),
    multipliers: key('ple.layer_multipliers'),
  };
  const listed = metadata.raw(names.layers);
  if (listed === undefined || (Array.isArray(listed) && listed.length === 0)) return null;
  const layer = layerOf(metadata, names.layers, spec, 0);
  const sizes = sizesOf(metadata, names);
  const rowSize = metadata.size(names.rows);
  checkWidth(metadata, names.rows, rowSize, sizes.heads, spec);
  const hash = hashOf(metadata, names, sizes, (name, length) => wholeNumbers(metadata, name, length));
  const needed = rowsNeeded(hash);
  const tableRows = tensors.shape(GGUF_TABLE)?.[0] ?? needed;
  checkTable(metadata, GGUF_TABLE, tableRows, needed, names.offsets);
  return {
    ...{ layer, size: sizes.size, headsPerNgram: sizes.headsPerNgram, rowSize, tableRows, ...hash },
    kernel: kernelSize(metadata, names.kernel),
    endId: endOf(metadata, key('ple.eos_token_id'), spec),
  };
}

/**
 * The n-grams of a Hugging Face folder (transformers, modeling_qwen4_exp.py, Qwen4ExpTextNGramEmbedding); null where it
 * has none. The constants of the hash are tensors, as transformers takes them from there, too. Throws CORRUPT or
 * UNSUPPORTED.
 */
export function huggingFaceNgrams(config: Fields, spec: ModelSpec, folder: FolderTensors): NgramsSpec | null {
  const layersKey = 'ple_layer_ids';
  const listed = config.raw(layersKey);
  if (listed === undefined || (Array.isArray(listed) && listed.length === 0)) return null;
  const layer = layerOf(config, layersKey, spec, 1);
  const names: Names = {
    layers: layersKey,
    size: 'ngram_size',
    headsPerNgram: 'heads_per_ngram',
    rows: 'ple_embed_dim',
    kernel: 'ple_conv_kernel_size',
    offsets: `${inFolder(layer)}ngram_heads_offsets`,
    counts: `${inFolder(layer)}ngram_heads_vocab_sizes`,
    multipliers: `${inFolder(layer)}layer_multipliers`,
  };
  const sizes = sizesOf(config, names);
  const width = config.size(names.rows, spec.hiddenSize);
  if (width !== spec.hiddenSize)
    throw config.unsupported(names.rows, `is ${width}, and not the model's ${spec.hiddenSize}`);
  if (width % sizes.heads !== 0)
    throw config.corrupt(names.rows, `is ${width}, which the ${sizes.heads} rows of a token do not divide`);
  const hash = hashOf(config, names, sizes, (name, length) => checkedList(config, name, folder.integers(name), length));
  const { tableRows, table } = tableOf(config, layer, folder);
  checkTable(config, table, tableRows, rowsNeeded(hash), names.offsets);
  const rowSize = width / sizes.heads;
  return {
    ...{ layer, size: sizes.size, headsPerNgram: sizes.headsPerNgram, rowSize, tableRows, ...hash },
    kernel: kernelSize(config, names.kernel, 4),
    endId: endOf(config, 'eos_token_id', spec),
  };
}

/** The token that ends a text: the first one of a list, as in transformers. Throws CORRUPT. */
function endOf(fields: Fields, key: string, spec: ModelSpec): number {
  const value = fields.raw(key);
  const id = Array.isArray(value) ? value[0] : value;
  if (Number.isInteger(id) && id >= 0 && id < spec.vocabSize) return id;
  throw fields.corrupt(
    key,
    `is ${value === undefined ? 'missing' : shown(value)}; n-grams need the token that ends a text`,
  );
}

/** The rows of all parts of the table, and what to call it in messages. */
function tableOf(config: Fields, layer: number, folder: FolderTensors): { tableRows: number; table: string } {
  const whole = folder.shape(tableInFolder(layer));
  if (whole) return { tableRows: whole[0], table: tableInFolder(layer) };
  const shapes = partsIn(layer, folder);
  if (shapes.length === 0)
    throw config.corrupt(tableInFolder(layer), `is missing, and so is its first part, ${partInFolder(layer, 0)}`);
  return { tableRows: shapes.reduce((sum, [rows]) => sum + rows, 0), table: partInFolder(layer, 0) };
}

/** The shapes of the parts of a table, in their order. */
function partsIn(layer: number, folder: FolderTensors): (readonly number[])[] {
  const shapes: (readonly number[])[] = [];
  for (let shape = folder.shape(partInFolder(layer, 0)); shape && shapes.length < MAX_PARTS; ) {
    shapes.push(shape);
    shape = folder.shape(partInFolder(layer, shapes.length));
  }
  return shapes;
}

/** The tensors that make up the table; null where it is one. */
export function ngramParts({ ngrams }: Pick<ModelSpec, 'ngrams'>, folder: FolderTensors): PartsOfMatrix | null {
  if (!ngrams || folder.shape(tableInFolder(ngrams.layer))) return null;
  const shapes = partsIn(ngrams.layer, folder);
  return { names: shapes.map((_, part) => partInFolder(ngrams.layer, part)), rowsPerPart: shapes[0][0] };
}
