import { FORMATS, isRowFormat } from '../../native-bridge/formats.js';
import { FlashrowError } from '../errors.js';
import type { ExpectedTensor, ModelDescription } from '../model/architectures.js';
import { shown } from '../model/fields.js';
import type { Checkpoint, CheckpointTensor, TensorFormat } from './checkpoint.js';
import { FOREIGN_FORMATS } from './foreign-formats.js';
import { GGML_BLOCKS } from './gguf-types.js';

/** A tensor as its file describes it, before anybody knows what it is for. */
export interface SourceTensor extends Omit<CheckpointTensor, 'name' | 'format'> {
  /** The file's own word for the element type. */
  type: string;
  /** Null where flashrow cannot read that type. */
  format: TensorFormat | null;
}

export const isReadable = (tensor: SourceTensor): tensor is SourceTensor & { format: TensorFormat } =>
  tensor.format !== null;

/** Weights in a block, and its bytes. */
export function blockOf(format: TensorFormat): { blockSize: number; blockBytes: number } {
  return isRowFormat(format) ? FORMATS[format] : FOREIGN_FORMATS[format];
}

/** Throws CORRUPT where a tensor lies outside its file or two share bytes. Holes are allowed. */
export function checkPlacement(path: string, fileBytes: number, tensors: readonly SourceTensor[]): void {
  const byOffset = tensors.toSorted((a, b) => a.offset - b.offset || a.bytes - b.bytes);
  let end = 0;
  let previous = '';
  for (const { sourceName: name, offset, bytes } of byOffset) {
    if (offset + bytes > fileBytes)
      throw damaged(
        path,
        name,
        `should lie at bytes ${offset} to ${offset + bytes}, but the file ends at ${fileBytes}; fetch it again`,
      );
    if (offset < end) throw damaged(path, name, `overlaps tensor ${shown(previous)}`);
    end = offset + bytes;
    previous = name;
  }
}

export const damaged = (path: string, tensor: string, problem: string) =>
  new FlashrowError('CORRUPT', `${path}: tensor ${shown(tensor)} ${problem}`, { path, tensor });

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
    tensors.set(name, tensor);
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

/** The tensor of that name, of that shape and a format that can be read; a vector will do as a matrix of one row. */
function sourceOf(
  path: string,
  name: string,
  shape: readonly number[],
  found: ReadonlyMap<string, SourceTensor>,
): SourceTensor & { format: TensorFormat } {
  const source = found.get(name);
  if (!source) throw damaged(path, name, `is missing; a shape of ${shown(shape)} was expected`);
  const sizes = source.shape.length === 1 && shape.length === 2 ? [1, ...source.shape] : source.shape;
  if (sizes.length !== shape.length || sizes.some((size, axis) => size !== shape[axis]))
    throw damaged(source.path, name, `is of shape ${shown(source.shape)}; ${shown(shape)} was expected`);
  if (!isReadable(source) || (shape.length === 1 && blockOf(source.format).blockSize > 1))
    throw unsupported(
      source,
      source.format
        ? `is of type ${source.type}, which no vector is`
        : `is of type ${source.type}; supported: F32, F16, BF16; in GGUF files ${GGML_BLOCKS.join(', ')} too`,
    );
  return source;
}

const unsupported = (source: SourceTensor, problem: string) =>
  new FlashrowError('UNSUPPORTED', `${source.path}: tensor ${shown(source.sourceName)} ${problem}`, {
    path: source.path,
    tensor: source.sourceName,
    type: source.type,
  });
