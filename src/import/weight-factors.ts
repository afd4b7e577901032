import { shown } from '../errors.js';
import type { ExpectedTensor, ModelDescription } from '../model/architecture.js';
import { HEAD, type LayerTensor } from '../model/tensor-names.js';
import type { CheckpointTensor, WeightFactors } from './checkpoint.js';
import { damagedTensor, type ReadableSourceTensor } from './source-tensor.js';
import type { SourceTensorTable } from './source-tensor-table.js';
import { TensorReader } from './tensor-reader.js';

/** The matrices whose products take a factor. A factor of any other tensor is refused, as one that nobody applies. */
const TAKES: ReadonlySet<string> = new Set([
  'q',
  'k',
  'v',
  'o',
  'gate',
  'up',
  'down',
  'sharedGate',
  'sharedUp',
  'sharedDown',
] satisfies LayerTensor[]);

/** Adds the factors that the file has to tensors that were found in it. Throws CORRUPT for a bad one. */
export function withFactors(
  { tensors }: ModelDescription,
  found: Map<string, CheckpointTensor>,
  sources: SourceTensorTable,
): void {
  // A family may know a tensor of such a name as something of its own.
  const expectedTensors = [...tensors];
  const known = new Set(expectedTensors.map(({ sourceName }) => sourceName));
  const reader = new TensorReader();
  try {
    for (const expected of expectedTensors) {
      const factorName = expected.sourceName.replace(/weight$/, 'scale');
      if (!takesFactor(expected) || known.has(factorName) || !sources.has(factorName)) continue;
      const tensor = found.get(expected.name)!;
      const count = tensor.shape.length === 3 ? tensor.shape[0] : 1;
      found.set(expected.name, { ...tensor, factors: readFactors(sources.readable(factorName, [count]), reader) });
    }
  } finally {
    reader.close();
  }
}

const takesFactor = ({ name, shape }: ExpectedTensor) =>
  name === HEAD || (shape.length > 1 && TAKES.has(name.slice(name.lastIndexOf('.') + 1)));

/**
 * Whether a tensor only says how to round activations to NVFP4 (`X.input_scale` beside `X.weight`). Activations are not
 * rounded here, nor by llama.cpp on a CPU.
 */
export const roundsActivations = (sourceName: string, sources: SourceTensorTable): boolean =>
  sourceName.endsWith('.input_scale') && sources.has(sourceName.replace(/input_scale$/, 'weight'));

function readFactors(source: ReadableSourceTensor, reader: TensorReader): WeightFactors {
  const factors = [...reader.readFloats(source, 0, 1)];
  const bad = factors.find((factor) => !Number.isFinite(factor));
  if (bad !== undefined)
    throw damagedTensor(source.path, source.sourceName, `holds ${shown(bad)} as a scale; fetch the file again`);
  return factors;
}
