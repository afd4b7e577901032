import type { BundleGeometry, MatrixSource } from '../../native-bridge/bridge.js';
import { type RowFormat, rowBytes } from '../../native-bridge/formats.js';
import type { ModelSpec } from '../model/spec.js';
import { EMBEDDING, layerTensor } from '../model/tensor-names.js';
import { describeCopied } from '../store/copied.js';
import { planLayout } from '../store/layout.js';
import type { Store } from '../store/reader.js';
import type { CheckpointSource } from '../store/source.js';
import { type Calibration, calibrationOf } from './calibration.js';
import type { Plan } from './plan.js';

const SAMPLE_BYTES = 4 << 20;

/** What a plan needs to know of a model. The headers of its files tell it. */
export interface Outline {
  spec: ModelSpec;
  layers: readonly BundleGeometry[];
  /** The resident half by tensor name. */
  tensors: ReadonlyMap<string, { shape: readonly number[]; format: RowFormat }>;
  conversion: Plan['conversion'];
  /** The matrices that cannot be read in place although others can, in words; null without any. */
  copied: string | null;
  /** The calibration of the model; null without one. Throws CORRUPT where its file is damaged. */
  calibration: () => Calibration | null;
  /** Where the store lies, or would lie. */
  storePath: string;
  /** A file of the model, for timing reads. */
  probePath: string;
  /** Some rows of the model, for timing kernels. */
  sample: MatrixSource;
}

export function storeOutline(store: Store): Outline {
  const [{ extents, parts, formats, hiddenSize, neuronsPerBundle, numNeurons }] = store.layers;
  const extent = extents[parts.up.extent];
  const bytes = rowBytes(formats.up, hiddenSize);
  // Between the up rows of a slice lie gate and down rows. They do as well for timing.
  const [rows, rowStride] =
    neuronsPerBundle === 1
      ? [numNeurons, extent.stride]
      : [Math.floor(((numNeurons / neuronsPerBundle) * extent.stride - parts.up.offset) / bytes), bytes];
  return {
    spec: store.spec,
    layers: store.layers,
    tensors: store.tensors,
    conversion: { needed: false, bytes: 0 },
    copied: null,
    calibration: () => calibrationOf(store),
    storePath: store.path,
    probePath: store.files[extent.file],
    sample: fewRows({
      path: store.files[extent.file],
      offset: extent.offset + parts.up.offset,
      rowStride,
      rows,
      columns: hiddenSize,
      format: formats.up,
    }),
  };
}

/** The store that a checkpoint would become. */
export function checkpointOutline({ checkpoint, storePath }: CheckpointSource): Outline {
  const layout = planLayout(checkpoint, { inPlace: true });
  const { path, offset, bytes, format, shape } =
    checkpoint.tensors.get(layerTensor(0, 'up')) ?? checkpoint.tensors.get(EMBEDDING)!;
  const columns = shape.at(-1)!;
  const rowStride = rowBytes(format, columns);
  const sample = { path, offset, rowStride, rows: bytes / rowStride, columns, format };
  return {
    spec: checkpoint.spec,
    layers: layout.layers,
    tensors: new Map(layout.resident.map((tensor) => [tensor.name, tensor])),
    conversion: layout.writesMatrices ? { needed: true, bytes: layout.bytes } : { needed: false, bytes: 0 },
    copied: describeCopied(layout.copied),
    calibration: () => null,
    storePath,
    probePath: checkpoint.files[0].path,
    sample: fewRows(sample),
  };
}

/** The first rows of a matrix, few enough to be loaded quickly. */
const fewRows = (source: MatrixSource): MatrixSource => ({
  ...source,
  rows: Math.max(1, Math.min(source.rows, Math.floor(SAMPLE_BYTES / source.rowStride))),
});
