import type { TwoBitNetworks, TwoBitNetworksSource } from '../bridge.js';
import type { Addon, NativePool } from './exports.js';
import { guarded } from './guarded.js';
import { ACTIVATIONS } from './numbers.js';

export class AddonTwoBitNetworks implements TwoBitNetworks {
  readonly #native: TwoBitNetworks;

  constructor(addon: Addon, pool: NativePool, source: TwoBitNetworksSource) {
    const activation = ACTIVATIONS.indexOf(source.activation);
    this.#native = guarded(() => new addon.TwoBitNetworks(pool, { ...source, activation }));
  }

  get bytes(): number {
    return this.#native.bytes;
  }

  run(layer: number, x: Float32Array, y: Float32Array): void {
    guarded(() => this.#native.run(layer, x, y));
  }

  dispose(): void {
    this.#native.dispose();
  }
}
