import { join } from 'node:path';
import type { BundleGeometry } from '../../native-bridge/bridge.js';
import type { RowFormat } from '../../native-bridge/formats.js';
import type { ModelSpec } from '../model/spec.js';
import type { Plan } from '../plan/plan.js';
import { planLayout } from '../store/layout.js';
import { ROWS_FILE } from '../store/manifest.js';
import type { Store } from '../store/reader.js';
import type { CheckpointSource } from '../store/source.js';

/** A model as far as headers tell: what a plan needs. */
export interface Outline {
  spec: ModelSpec;
  layers: readonly BundleGeometry[];
  /** The resident half by tensor name. */
  tensors: ReadonlyMap<string, { shape: readonly number[]; format: RowFormat }>;
  conversion: Plan['conversion'];
  /** A file of the model, for timing reads. */
  probePath: string;
}

export function storeOutline(store: Store): Outline {
  return {
    spec: store.spec,
    layers: store.layers,
    tensors: store.tensors,
    conversion: { needed: false, bytes: 0 },
    probePath: join(store.path, ROWS_FILE),
  };
}

/** The store that a checkpoint would become. */
export function checkpointOutline({ checkpoint }: CheckpointSource): Outline {
  const layout = planLayout(checkpoint);
  return {
    spec: checkpoint.spec,
    layers: layout.layers,
    tensors: new Map(layout.resident.map((tensor) => [tensor.name, tensor])),
    conversion: { needed: true, bytes: layout.bytes },
    probePath: checkpoint.files[0].path,
  };
}
