import type { KeyValueCache, KeyValueCacheOptions } from '../bridge.js';
import type { Addon, NativePool } from './exports.js';
import { guarded } from './guarded.js';

export class AddonKeyValueCache implements KeyValueCache {
  readonly #native: KeyValueCache;

  constructor(addon: Addon, pool: NativePool, options: KeyValueCacheOptions) {
    const { windows = new Uint32Array(0), sinks = new Float32Array(0), softCap = 0, sharedValueDim = 0 } = options;
    this.#native = guarded(() => new addon.Cache(pool, { ...options, windows, sinks, softCap, sharedValueDim }));
  }

  get bytes(): number {
    return this.#native.bytes;
  }

  append(layer: number, position: number, tokens: number, k: Float32Array, v: Float32Array): void {
    guarded(() => this.#native.append(layer, position, tokens, k, v));
  }

  attend(
    layer: number,
    position: number,
    tokens: number,
    q: Float32Array,
    out: Float32Array,
    seen?: Uint8Array,
    blockSize?: number,
  ): void {
    guarded(() => this.#native.attend(layer, position, tokens, q, out, seen, blockSize));
  }

  attendTogether(layer: number, position: number, tokens: number, q: Float32Array, out: Float32Array): void {
    guarded(() => this.#native.attendTogether(layer, position, tokens, q, out));
  }

  truncate(layer: number, length: number): void {
    guarded(() => this.#native.truncate(layer, length));
  }

  swap(layer: number, one: number, other: number): void {
    guarded(() => this.#native.swap(layer, one, other));
  }

  drop(layer: number, from: number, to: number): void {
    guarded(() => this.#native.drop(layer, from, to));
  }

  copy(from: number, to: number, length: number): void {
    guarded(() => this.#native.copy(from, to, length));
  }

  savePage(layer: number, page: number, into: Uint8Array): void {
    guarded(() => this.#native.savePage(layer, page, into));
  }

  loadPage(layer: number, page: number, from: Uint8Array): void {
    guarded(() => this.#native.loadPage(layer, page, from));
  }

  dispose(): void {
    this.#native.dispose();
  }
}
