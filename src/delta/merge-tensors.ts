import { FlashrowError, shown } from '../errors.js';
import { type ReadableSourceTensor, type SourceTensor, unsupportedTensor } from '../import/source-tensor.js';
import type { FolderWeights } from './open-weights.js';

/** Formats that are added. */
export type FloatFormat = 'f32' | 'f16' | 'bf16';

/** A tensor of the merged model. */
export interface MergedTensor {
  name: string;
  format: FloatFormat;
  shape: readonly number[];
  bytes: number;
  delta: ReadableSourceTensor;
  /** What is added to the delta; of a tensor that has more rows in the delta, to its first ones. Null for none. */
  base: ReadableSourceTensor | null;
}

/** What a delta brings whole, as no language model has it: the parts that see. */
const BROUGHT = ['model.mm_projector.', 'model.region_geo_sampler.', 'model.vision_tower.'];

/** Buffers that old checkpoints have, and that are computed from the configuration. */
const isComputed = (name: string): boolean => name.endsWith('.rotary_emb.inv_freq');

/**
 * What becomes of each tensor, in the order of the delta's files. Throws BAD_USAGE where base and delta do not belong
 * together, UNSUPPORTED for tensors that are not added here.
 */
export function mergeTensors(base: FolderWeights, delta: FolderWeights): MergedTensor[] {
  const missing = [...base.tensors.keys()].find((name) => !isComputed(name) && !delta.tensors.has(name));
  if (missing !== undefined)
    throw apart(`${delta.folder} has no tensor ${shown(missing)}, which ${base.folder} has`, delta.folder);
  return [...delta.tensors.values()]
    .filter(({ sourceName }) => !isComputed(sourceName))
    .sort((a, b) => (a.path === b.path ? a.offset - b.offset : a.path < b.path ? -1 : 1))
    .map((tensor) => merged(tensor, base));
}

function merged(tensor: SourceTensor, { tensors, folder }: FolderWeights): MergedTensor {
  const { sourceName: name, shape } = tensor;
  const delta = asFloats(tensor);
  const { format, bytes } = delta;
  const found = tensors.get(name);
  if (found === undefined) {
    if (!BROUGHT.some((prefix) => name.startsWith(prefix)))
      throw apart(`${folder} has no tensor ${shown(name)}, which is none that a delta brings whole`, folder);
    return { ...{ name, format, shape, bytes, delta }, base: null };
  }
  const [rows, ...rest] = shape;
  const [ownRows, ...ownRest] = found.shape;
  // New tokens have rows after those of the base: <region_fea> among them.
  const grows = shape.length === 2 && ownRows < rows;
  if (
    shape.length !== found.shape.length ||
    !(ownRows === rows || grows) ||
    rest.some((size, at) => size !== ownRest[at])
  )
    throw apart(
      `tensor ${shown(name)} has the shape ${shown(shape)} in the delta and ${shown(found.shape)} in ${folder}`,
      folder,
    );
  return { ...{ name, format, shape, bytes, delta }, base: asFloats(found) };
}

/** Throws UNSUPPORTED for a tensor of another type. */
export function asFloats(tensor: SourceTensor): ReadableSourceTensor & { format: FloatFormat } {
  const { format } = tensor;
  if (format !== 'f32' && format !== 'f16' && format !== 'bf16')
    throw unsupportedTensor(tensor, `is of type ${shown(tensor.type)}; weights in f32, f16 and bf16 are added`);
  return { ...tensor, format };
}

const apart = (problem: string, source: string) =>
  new FlashrowError('BAD_USAGE', `${problem}; give the base that the delta was made for`, { source });
