import { closeSync, ftruncateSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { type OpenFile, readExactly } from '../disk/files.js';
import { writeFully } from '../disk/write-fully.js';

/** The inputs of one layer's feed-forward network, token by token, wherever they are kept. */
export interface LayerInputs {
  readonly tokens: number;
  readonly hiddenSize: number;
  /** Copies rows [first, first + count) to `into`, from index `at` on: f32 [count, hiddenSize]. */
  read(first: number, count: number, into: Float32Array, at: number): void;
}

/** Keeps the inputs of every layer on disk: one file a layer, f32 [tokens, hiddenSize]. */
export class LayerInputFiles {
  readonly #files: Pick<OpenFile, 'path' | 'fd'>[] = [];
  /** Per layer the tokens that its file has. */
  readonly #tokens: number[];
  readonly #hiddenSize: number;
  readonly #rowBytes: number;

  /**
   * Goes on after `tokens` tokens of an earlier run; a file that is longer is cut. Throws what the file system says.
   */
  constructor(folder: string, numLayers: number, hiddenSize: number, tokens: number) {
    this.#hiddenSize = hiddenSize;
    this.#rowBytes = 4 * hiddenSize;
    this.#tokens = new Array(numLayers).fill(tokens);
    try {
      for (let layer = 0; layer < numLayers; layer++) {
        const path = join(folder, `inputs-${layer}.f32`);
        const fd = openSync(path, tokens === 0 ? 'w+' : 'r+');
        this.#files.push({ path, fd });
        ftruncateSync(fd, tokens * this.#rowBytes);
      }
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Adds x[tokens, hiddenSize] behind the rows that a layer has. */
  append(layer: number, x: Float32Array, tokens: number): void {
    const bytes = new Uint8Array(x.buffer, x.byteOffset, tokens * this.#rowBytes);
    writeFully(this.#files[layer].fd, bytes, this.#tokens[layer] * this.#rowBytes);
    this.#tokens[layer] += tokens;
  }

  /** The rows that a layer has now. Reading throws CORRUPT or IO. */
  layer(layer: number): LayerInputs {
    const rowBytes = this.#rowBytes;
    const { path, fd } = this.#files[layer];
    const tokens = this.#tokens[layer];
    const file = { path, fd, size: tokens * rowBytes };
    return {
      tokens,
      hiddenSize: this.#hiddenSize,
      read(first, count, into, at) {
        const bytes = new Uint8Array(into.buffer, into.byteOffset + 4 * at, count * rowBytes);
        readExactly(file, first * rowBytes, bytes);
      },
    };
  }

  close(): void {
    for (const { fd } of this.#files.splice(0)) closeSync(fd);
  }
}
