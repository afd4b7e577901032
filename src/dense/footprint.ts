import { rowBytes } from '../../native-bridge/formats.js';
import { systemPageBytes } from '../../native-bridge/index.js';
import { roundUp } from '../../native-bridge/memory.js';
import { hasPlainAttention } from '../model/mixer-tensors.js';
import { prefillChunk } from '../model/prefill-chunk.js';
import { residentTensors } from '../model/resident-tensors.js';
import type { ModelSpec } from '../model/spec.js';
import { type LayerTensor, layerTensor } from '../model/tensor-names.js';
import { checkShapes, headName, tensorNamed } from './check-tensors.js';
import { sharedParts } from './shared-expert.js';
import type { TensorShape } from './tensor-on-disk.js';

/** The matrices of a layer's attention. */
const PROJECTIONS: readonly LayerTensor[] = ['q', 'k', 'v', 'o'];

export interface DenseFootprint {
  /** Weights, at most. The real figure is at least three quarters of it. */
  residentBytes: number;
  /** Working buffers for calls of `maxTokens`. */
  scratchBytes: number;
}

/**
 * Foretells the bytes that `createDenseHalf` will hold, from headers alone. Throws CORRUPT if tensors do not fit the
 * spec.
 */
export function denseFootprint(
  spec: ModelSpec,
  tensors: ReadonlyMap<string, TensorShape>,
  maxTokens = prefillChunk(spec),
): DenseFootprint {
  checkShapes(spec, tensors);
  const { hiddenSize, numLayers } = spec;
  const matrices = Array.from({ length: numLayers }, (_, layer) => {
    const projections = hasPlainAttention(spec, layer) ? PROJECTIONS : (['o'] as const);
    return projections.map((name) => tensorNamed(tensors, layerTensor(layer, name)));
  }).flat();
  matrices.push(tensorNamed(tensors, headName(spec)));
  const shared = spec.experts?.sharedIntermediateSize ?? 0;
  const rotaries = spec.slidingWindow?.theta ? 2 : 1;
  const rotary = rotaries * 2 * maxTokens * ((spec.rotary?.dimension ?? 0) / 2) * 8;
  const rows = maxTokens * hiddenSize * 4;
  // One chunk of the table of positions, as floats and in the table's own format.
  const positions = spec.rotary === null ? 2 * rows : 0;
  return {
    residentBytes:
      vectorBytes(spec) +
      sharedExpertBytes(spec, tensors) +
      matrices.reduce((sum, matrix) => sum + matrixBytes(matrix), 0),
    // All segments share one buffer of rows.
    scratchBytes:
      rotary + positions + (1 + branchRows(spec)) * rows + (shared > 0 ? rows + 4 * maxTokens * (2 * shared + 1) : 0),
  };
}

/** Buffers of rows for inputs that only the experts, or only the router, read. */
const branchRows = ({ experts }: ModelSpec): number =>
  (experts?.branchNorms ? 1 : 0) + (experts?.routerInput === 'residual' ? 1 : 0);

/** Vectors that are held twice: norms that two segments share, and what the bridge holds a copy of. */
function heldTwice(spec: ModelSpec, name: string): boolean {
  if (name.endsWith('.sinks')) return true;
  if (/\.attentionNorm(Bias)?$/.test(name)) return spec.parallelNorm === 'shared';
  return !spec.experts && /\.(gate|up)Bias$/.test(name);
}

/** Bytes of all vectors, but for those of the mixers that are not attention. */
function vectorBytes(spec: ModelSpec): number {
  let bytes = 0;
  for (const [name, shape] of residentTensors(spec))
    if (shape.length === 1 && !/\.mixer\w+$/.test(name)) bytes += 4 * shape[0] * (heldTwice(spec, name) ? 2 : 1);
  return bytes;
}

function sharedExpertBytes(spec: ModelSpec, tensors: ReadonlyMap<string, TensorShape>): number {
  if (!spec.experts?.sharedIntermediateSize) return 0;
  let bytes = 0;
  for (let layer = spec.experts.leadingDenseLayers; layer < spec.numLayers; layer++) {
    for (const name of sharedParts(spec)) {
      bytes += matrixBytes(tensorNamed(tensors, layerTensor(layer, name)));
    }
  }
  return bytes;
}

/** Bytes that the bridge holds for a matrix [rows, columns]: whole pages. */
const matrixBytes = ({ shape, format }: TensorShape): number =>
  roundUp(shape[0] * rowBytes(format, shape[1]), systemPageBytes());
