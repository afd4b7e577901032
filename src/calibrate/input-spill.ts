import { closeSync, ftruncateSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { writeFully } from '../disk/write-fully.js';
import type { LayerInputs } from './layer-inputs.js';

/** What goes into every layer's feed-forward network, spilled to disk as it comes: one file a layer, f32 [tokens, hiddenSize]. */
export class InputSpill {
  private readonly files: number[] = [];
  private readonly reached: number[];
  private readonly rowBytes: number;

  /** Goes on after `tokens` tokens of an earlier run; what lies beyond them is cut off. */
  constructor(
    folder: string,
    numLayers: number,
    private readonly hiddenSize: number,
    tokens: number,
  ) {
    this.rowBytes = 4 * hiddenSize;
    this.reached = new Array(numLayers).fill(tokens);
    try {
      for (let layer = 0; layer < numLayers; layer++) {
        const path = join(folder, `inputs-${layer}.f32`);
        this.files.push(openSync(path, tokens === 0 ? 'w+' : 'r+'));
        ftruncateSync(this.files[layer], tokens * this.rowBytes);
      }
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** x[tokens, hiddenSize] of a layer, behind what it has. */
  append(layer: number, x: Float32Array, tokens: number): void {
    const bytes = new Uint8Array(x.buffer, x.byteOffset, tokens * this.rowBytes);
    const at = this.reached[layer] * this.rowBytes;
    writeFully(this.files[layer], bytes, at);
    this.reached[layer] += tokens;
  }

  layer(layer: number): LayerInputs {
    const { rowBytes } = this;
    const file = this.files[layer];
    return {
      tokens: this.reached[layer],
      hiddenSize: this.hiddenSize,
      read(first, count, into, at) {
        const bytes = new Uint8Array(into.buffer, into.byteOffset + 4 * at, count * rowBytes);
        for (let done = 0; done < bytes.length; )
          done += readSync(file, bytes, done, bytes.length - done, first * rowBytes + done);
      },
    };
  }

  close(): void {
    for (const file of this.files.splice(0)) closeSync(file);
  }
}
