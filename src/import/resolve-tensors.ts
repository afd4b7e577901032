import { shown } from '../errors.js';
import type { ExpectedTensor, ModelDescription, PartsOfMatrix, RowGroups } from '../model/architecture.js';
import type { Checkpoint, CheckpointTensor } from './checkpoint.js';
import { damagedTensor, type ReadableSourceTensor, type SourceTensor, unsupportedTensor } from './source-tensor.js';
import { SourceTensorTable } from './source-tensor-table.js';
import { blockOf, formatBytes } from './tensor-format.js';
import { roundsActivations, withFactors } from './weight-factors.js';

type Expected<Layout> = Extract<ExpectedTensor, { layout: Layout }>;

/**
 * Finds every tensor of a model in its files. Throws CORRUPT where one is missing or has another shape, UNSUPPORTED for
 * an element type that cannot be read and for a tensor that the model has no place for.
 */
export function resolveTensors(
  path: string,
  description: ModelDescription,
  found: ReadonlyMap<string, SourceTensor>,
): Checkpoint['tensors'] {
  const sources = new SourceTensorTable(path, found);
  const tensors = new Map<string, CheckpointTensor>();
  for (const expected of description.tensors) tensors.set(expected.name, resolve(path, expected, sources));
  withFactors(description, tensors, sources);
  for (const source of sources.unused())
    if (!description.ignores(source.sourceName) && !roundsActivations(source.sourceName, sources))
      throw unsupportedTensor(source, 'has no place in this architecture; leaving it out would give wrong results');
  return tensors;
}

function resolve(path: string, expected: ExpectedTensor, sources: SourceTensorTable): CheckpointTensor {
  switch (expected.layout) {
    case 'transposed':
      return transposedStack(expected, sources);
    case 'packed-mxfp4':
      return packedMxfp4Stack(expected, sources);
    default:
      if (!expected.parts) return wholeTensor(expected, sources);
      if ('firstRows' in expected.parts) return rowsOfLarger(expected, expected.parts, sources);
      return 'names' in expected.parts
        ? matrixOfTensors(expected, expected.parts, sources)
        : stackOfTensors(path, expected, expected.parts, sources);
  }
}

function wholeTensor(
  { name, sourceName, shape, sourceShape = shape, interleaved }: ExpectedTensor,
  sources: SourceTensorTable,
): CheckpointTensor {
  const { format, path, offset, bytes } = sources.readable(sourceName, sourceShape);
  const tensor = { name, sourceName, shape, format, path, offset, bytes };
  if (interleaved === undefined) return tensor;
  const run = shape.length === 1 ? blockOf(format).blockBytes : formatBytes(format, shape[shape.length - 1]);
  return { ...tensor, offset: offset + interleaved * run, bytes: bytes / 2, interleaved: true };
}

/** A stack whose matrices are tensors of their own. */
function stackOfTensors(
  path: string,
  { name, sourceName, shape }: ExpectedTensor,
  partNames: readonly string[],
  sources: SourceTensorTable,
): CheckpointTensor {
  const [experts, ...matrix] = shape;
  const parts = partNames.map((part) => sources.readable(part, matrix));
  if (parts.length !== experts)
    throw damagedTensor(path, sourceName, `has ${parts.length} experts; ${experts} were expected`);
  const [{ path: file, offset, format }] = parts;
  for (const part of parts) refuseOtherType(part, parts[0], 'all experts of a layer');
  const bytes = parts.reduce((sum, part) => sum + part.bytes, 0);
  const places = parts.map((part) => ({ path: part.path, offset: part.offset }));
  return { name, sourceName, shape, format, path: file, offset, bytes, parts: places };
}

/** A matrix that several tensors make up. Where they follow one another in one file, it is as if it were whole. */
function matrixOfTensors(
  { name, sourceName, shape }: ExpectedTensor,
  { names, rowsPerPart }: PartsOfMatrix,
  sources: SourceTensorTable,
): CheckpointTensor {
  const [rows, columns] = shape;
  const parts = names.map((part, i) =>
    sources.readable(part, [Math.min(rowsPerPart, rows - i * rowsPerPart), columns]),
  );
  const [{ path, offset, format }] = parts;
  for (const part of parts) refuseOtherType(part, parts[0], 'all parts of a matrix');
  const bytes = parts.reduce((sum, part) => sum + part.bytes, 0);
  const partBytes = parts[0].bytes;
  const tensor = { name, sourceName, shape, format, path, offset, bytes };
  if (parts.every((part, i) => part.path === path && part.offset === offset + i * partBytes)) return tensor;
  return { ...tensor, parts: parts.map((part) => ({ path: part.path, offset: part.offset })), partBytes };
}

function refuseOtherType(one: ReadableSourceTensor, first: ReadableSourceTensor, which: string): void {
  if (one.format !== first.format)
    throw damagedTensor(
      one.path,
      one.sourceName,
      `is of type ${one.type}, and ${shown(first.sourceName)} of type ${first.type}; ${which} must have one type`,
    );
}

/** Groups of rows of a larger matrix. */
function rowsOfLarger(
  { name, sourceName, shape, sourceShape }: ExpectedTensor,
  { sourceRows, rowsPerGroup, firstRows }: RowGroups,
  sources: SourceTensorTable,
): CheckpointTensor {
  const { path, format, ...source } = sources.readable(sourceName, sourceShape ?? [sourceRows, shape[1]]);
  const rowBytes = source.bytes / sourceRows;
  const parts = firstRows.map((row) => ({ path, offset: source.offset + row * rowBytes }));
  const bytes = firstRows.length * rowsPerGroup * rowBytes;
  return { name, sourceName, shape, format, path, offset: parts[0].offset, bytes, parts };
}

/** Each matrix is a part, since with `interleaved` the matrices do not follow one another. */
function transposedStack(
  { name, sourceName, shape, sourceShape = shape, interleaved }: Expected<'transposed'>,
  sources: SourceTensorTable,
): CheckpointTensor {
  const { format, path, offset, bytes } = sources.readable(sourceName, sourceShape);
  const first = offset + (interleaved ?? 0) * blockOf(format).blockBytes;
  const [experts] = shape;
  const parts = Array.from({ length: experts }, (_, e) => ({ path, offset: first + (e * bytes) / experts }));
  const tensor = { name, sourceName, shape, format, path, offset: first, bytes, layout: 'transposed' as const, parts };
  return interleaved === undefined ? tensor : { ...tensor, bytes: bytes / 2, interleaved: true };
}

/** Each expert is a part, with nibbles and scales. */
function packedMxfp4Stack(
  { name, sourceName, shape, sourceShape = shape, scalesSourceName, interleaved }: Expected<'packed-mxfp4'>,
  sources: SourceTensorTable,
): CheckpointTensor {
  const nibbles = sources.bytes(sourceName, sourceShape);
  const scales = sources.bytes(scalesSourceName, sourceShape.slice(0, -1));
  const [experts, sourceRows] = sourceShape;
  /** The start of the rows of expert `e`. */
  const rowsIn = ({ path, offset, bytes }: SourceTensor, e: number) => ({
    path,
    offset: offset + ((e * sourceRows + (interleaved ?? 0)) * bytes) / (experts * sourceRows),
  });
  const parts = Array.from({ length: experts }, (_, e) => ({ ...rowsIn(nibbles, e), scales: rowsIn(scales, e) }));
  const weights = shape.reduce((product, size) => product * size, 1);
  const bytes = formatBytes('mxfp4', weights);
  const layout = 'packed-mxfp4' as const;
  const tensor = { name, sourceName, shape, format: 'mxfp4' as const, ...parts[0], bytes, layout, parts };
  return interleaved === undefined ? tensor : { ...tensor, interleaved: true };
}
