import { FORMATS } from '../../native-bridge/formats.js';
import { FlashrowError, shown } from '../errors.js';
import type { ExpectedTensor, ModelDescription } from '../model/architecture.js';
import type { Checkpoint, CheckpointTensor, TensorFormat } from './checkpoint.js';
import { GGML_BLOCKS } from './gguf-types.js';
import { blockOf, damaged, isReadable, type SourceTensor } from './source-tensor.js';

/**
 * Finds every tensor of a model among those of its files. Throws CORRUPT where one is missing or of another shape, UNSUPPORTED
 * for an element type that cannot be read and for a tensor that the model has no place for.
 */
export function resolveTensors(
  path: string,
  description: ModelDescription,
  found: ReadonlyMap<string, SourceTensor>,
): Checkpoint['tensors'] {
  const tensors = new Map<string, CheckpointTensor>();
  const used = new Set<string>();
  for (const expected of description.tensors) {
    const { name, sourceName, shape, sourceShape = shape, expertSourceNames, rowGroups } = expected;
    if (rowGroups) {
      const source = sourceOf(path, sourceName, [rowGroups.sourceRows, shape[1]], found);
      used.add(sourceName);
      tensors.set(name, { ...rowsOf(source, shape, rowGroups), name });
      continue;
    }
    if (expected.scalesSourceName !== undefined) {
      const { tensor, scales } = packedMxfp4(path, expected, expected.scalesSourceName, found);
      used.add(sourceName).add(scales.sourceName);
      tensors.set(name, tensor);
      continue;
    }
    const sources = (expertSourceNames ?? [sourceName]).map((part) =>
      sourceOf(path, part, expertSourceNames ? shape.slice(1) : sourceShape, found),
    );
    if (expertSourceNames && expertSourceNames.length !== shape[0])
      throw damaged(path, sourceName, `has ${expertSourceNames.length} experts; ${shape[0]} were expected`);
    for (const source of sources) used.add(source.sourceName);
    const [first] = sources;
    const odd = sources.find(({ format }) => format !== first.format);
    if (odd)
      throw damaged(
        odd.path,
        odd.sourceName,
        `is of type ${odd.type}, and ${shown(first.sourceName)} of type ${first.type}; the experts of a layer go together`,
      );
    const { format, path: file, offset } = first;
    const bytes = sources.reduce((sum, source) => sum + source.bytes, 0);
    const tensor: CheckpointTensor = { name, sourceName, shape, format, path: file, offset, bytes };
    if (expertSourceNames) tensor.parts = sources.map((source) => ({ path: source.path, offset: source.offset }));
    tensors.set(name, inTurns(tensor, expected));
  }
  for (const source of found.values())
    if (!used.has(source.sourceName) && !description.ignores(source.sourceName))
      throw unsupported(source, 'has no place in this architecture; leaving it out would give wrong results');
  return tensors;
}

/** Groups of a matrix's rows as a tensor of their own. */
function rowsOf(
  source: SourceTensor & { format: TensorFormat },
  shape: number[],
  { sourceRows, rowsPerGroup, firstRows }: NonNullable<ExpectedTensor['rowGroups']>,
): Omit<CheckpointTensor, 'name'> {
  const { sourceName, format, path } = source;
  const rowBytes = source.bytes / sourceRows;
  const parts = firstRows.map((row) => ({ path, offset: source.offset + row * rowBytes }));
  return {
    sourceName,
    shape,
    format,
    path,
    offset: parts[0].offset,
    bytes: firstRows.length * rowsPerGroup * rowBytes,
    parts,
  };
}

/** What shares a tensor of the checkpoint with another, or is turned there: a stack's matrices are then parts, since they are not one after another. */
function inTurns(tensor: CheckpointTensor, { turn, transposed }: ExpectedTensor): CheckpointTensor {
  if (turn === undefined && !transposed) return tensor;
  const { path, shape, format } = tensor;
  const offset = tensor.offset + (turn ?? 0) * blockOf(format).blockBytes;
  const arranged = { ...tensor, offset, bytes: turn === undefined ? tensor.bytes : tensor.bytes / 2 };
  if (turn !== undefined) arranged.turns = true;
  if (!transposed) return arranged;
  const [experts] = shape;
  const parts = Array.from({ length: experts }, (_, e) => ({ path, offset: offset + (e * tensor.bytes) / experts }));
  return { ...arranged, transposed, parts };
}

/** A stack of MXFP4 matrices whose nibbles and scales are apart, each expert a part. */
function packedMxfp4(
  path: string,
  { name, sourceName, shape, sourceShape = shape, turn }: ExpectedTensor,
  scalesName: string,
  found: ReadonlyMap<string, SourceTensor>,
): { tensor: CheckpointTensor; scales: SourceTensor } {
  const nibbles = bytesOf(path, sourceName, sourceShape, found);
  const scales = bytesOf(path, scalesName, sourceShape.slice(0, -1), found);
  const [experts, sourceRows] = sourceShape;
  /** Where the rows of expert `e` begin. */
  const rowsIn = ({ path, offset, bytes }: SourceTensor, e: number) => ({
    path,
    offset: offset + ((e * sourceRows + (turn ?? 0)) * bytes) / (experts * sourceRows),
  });
  const parts = Array.from({ length: experts }, (_, e) => ({ ...rowsIn(nibbles, e), scales: rowsIn(scales, e) }));
  const { blockSize, blockBytes } = FORMATS.mxfp4;
  const bytes = (shape.reduce((product, size) => product * size, 1) / blockSize) * blockBytes;
  const tensor: CheckpointTensor = { name, sourceName, shape, format: 'mxfp4', ...parts[0], bytes, parts };
  if (turn !== undefined) tensor.turns = true;
  return { tensor, scales };
}

/** A tensor of bytes, of that name and shape. */
function bytesOf(
  path: string,
  name: string,
  shape: readonly number[],
  found: ReadonlyMap<string, SourceTensor>,
): SourceTensor {
  const source = ofShape(path, name, shape, found);
  if (source.type !== 'U8') throw unsupported(source, `is of type ${source.type}; MXFP4 as U8 was expected`);
  return source;
}

/** The tensor of that name, of that shape and a format that can be read. */
function sourceOf(
  path: string,
  name: string,
  shape: readonly number[],
  found: ReadonlyMap<string, SourceTensor>,
): SourceTensor & { format: TensorFormat } {
  const source = ofShape(path, name, shape, found);
  if (!isReadable(source) || (shape.length === 1 && blockOf(source.format).blockSize > 1))
    throw unsupported(
      source,
      source.format
        ? `is of type ${source.type}, which no vector is`
        : `is of type ${source.type}; supported: F32, F16, BF16; in GGUF files ${GGML_BLOCKS.join(', ')} too`,
    );
  return source;
}

/** The tensor of that name and shape, whatever its type; a vector will do as a matrix of one row. */
function ofShape(
  path: string,
  name: string,
  shape: readonly number[],
  found: ReadonlyMap<string, SourceTensor>,
): SourceTensor {
  const source = found.get(name);
  if (!source) throw damaged(path, name, `is missing; a shape of ${shown(shape)} was expected`);
  const sizes = source.shape.length === 1 && shape.length === 2 ? [1, ...source.shape] : source.shape;
  if (sizes.length !== shape.length || sizes.some((size, axis) => size !== shape[axis]))
    throw damaged(source.path, name, `is of shape ${shown(source.shape)}; ${shown(shape)} was expected`);
  return source;
}

const unsupported = (source: SourceTensor, problem: string) =>
  new FlashrowError('UNSUPPORTED', `${source.path}: tensor ${shown(source.sourceName)} ${problem}`, {
    path: source.path,
    tensor: source.sourceName,
    type: source.type,
  });
