import { existsSync } from 'node:fs';
import type { Bridge, TwoBitNetworks } from '../../../../native-bridge/bridge.js';
import { allBlocks, blocksPerLayer, shadowShape } from '../../../plan/drafts/shadow.js';
import type { PlannedModel } from '../../../plan/plan-outline.js';
import type { Store } from '../../../store/reader.js';
import type { CacheExtension } from '../cache-extension.js';
import type { DraftMemory } from '../draft-memory.js';
import { blocksOfLayers, shadowLayout, shadowPath } from './shadow-file.js';

interface HeldShadowParts {
  bridge: Bridge;
  store: Store;
  /** Of each layer. */
  blocks: Uint32Array;
  /** What the cache does with the memory; null where it has no use for it. */
  extension: CacheExtension | null;
}

/** The networks of the draft `self`, which can be let go for the cache and loaded again. */
export class HeldShadow implements DraftMemory {
  loadMs = 0;
  readonly #parts: HeldShadowParts;
  /** Null while the cache has the memory. */
  #networks: TwoBitNetworks | null = null;

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
    const { blocks, store } = this.#parts;
    return blocks.reduce((sum, count) => sum + count, 0) / allBlocks(shadowShape(store.spec));
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
    const { bridge, store, blocks } = this.#parts;
    const { hiddenSize, gated, activation } = store.spec;
    const shape = shadowShape(store.spec);
    const began = performance.now();
    this.#networks = bridge.loadTwoBitNetworks({
      ...{ path: shadowPath(store.path), offset: shadowLayout(shape).headerBytes },
      ...{ hiddenSize, gated, activation, blocks, blocksPerLayer: blocksPerLayer(shape) },
    });
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
  const blocks = blocksOfLayers(store.path, shadowShape(store.spec), shadow.blocks);
  return blocks && new HeldShadow({ bridge, store, blocks, extension });
}
