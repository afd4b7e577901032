import { existsSync } from 'node:fs';
import type { Bridge } from '../../../../native-bridge/bridge.js';
import { shadowShape } from '../../../plan/drafts/shadow.js';
import type { PlannedModel } from '../../../plan/plan-outline.js';
import type { Store } from '../../../store/reader.js';
import type { CacheExtension } from '../cache-extension.js';
import type { DraftMemory } from '../draft-memory.js';
import { shadowNeurons, shadowPath } from './shadow-file.js';
import { ShadowNetworks } from './shadow-networks.js';

interface HeldShadowParts {
  bridge: Bridge;
  store: Store;
  /** Of each layer. */
  neurons: readonly number[];
  /** What the cache does with the memory; null where it has no use for it. */
  extension: CacheExtension | null;
}

/** The networks of the draft `self`, which can be let go for the cache and loaded again. */
export class HeldShadow implements DraftMemory {
  loadMs = 0;
  readonly #parts: HeldShadowParts;
  /** Null while the cache has the memory. */
  #networks: ShadowNetworks | null = null;

  /** Loads them. Throws BridgeError. */
  constructor(parts: HeldShadowParts) {
    this.#parts = parts;
    this.#load();
  }

  get isDrafts(): boolean {
    return this.#networks !== null;
  }

  /** The share of the model's neurons. */
  get share(): number {
    const { neurons, store } = this.#parts;
    const { numLayers, neurons: most } = shadowShape(store.spec);
    return neurons.reduce((sum, count) => sum + count, 0) / (numLayers * most);
  }

  /** The share of the bytes of a pass that the memory saves in the cache; 0 where the cache cannot have it. */
  get rentShare(): number {
    return this.#parts.extension?.savedShare ?? 0;
  }

  /** y[hiddenSize] = about the network's output of a layer for x[hiddenSize]. */
  run(layer: number, x: Float32Array, y: Float32Array): void {
    this.#networks!.run(layer, x, y);
  }

  giveBack(): Promise<void> {
    return this.#parts.extension!.take(() => this.dispose());
  }

  take(): Promise<void> {
    return this.#parts.extension!.giveBack(() => this.#load());
  }

  dispose(): void {
    this.#networks?.dispose();
    this.#networks = null;
  }

  #load(): void {
    const { bridge, store, neurons } = this.#parts;
    const began = performance.now();
    this.#networks = new ShadowNetworks(bridge, store.spec, store.path, neurons);
    this.loadMs = performance.now() - began;
  }
}

/**
 * Loads what a plan asks for; null where that is nothing, or where nothing was made for this store. Throws BridgeError.
 */
export function holdShadow(
  bridge: Bridge,
  store: Store,
  { shadow }: Pick<PlannedModel, 'shadow'>,
  extension: CacheExtension | null,
): HeldShadow | null {
  if (shadow.blocks === 0 || !existsSync(shadowPath(store.path))) return null;
  const neurons = shadowNeurons(store.path, shadowShape(store.spec), shadow.blocks);
  return neurons && new HeldShadow({ bridge, store, neurons, extension });
}
