import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { takeLock } from '../disk/lock.js';
import { FlashrowError } from '../errors.js';
import { packChecked, unpackChecked } from '../store/checked-message.js';
import type { FinishedLayer } from '../store/write/predictors-writer.js';

/** `predictors.partial` inside a store: what an interrupted calibration has got so far. Every file in it appears whole, by a rename. */
export class CalibrationFolder {
  private constructor(readonly path: string) {}

  /**
   * Takes the folder of a store for this process. What an earlier run with the same `key` left is kept, anything else is cleared. Throws BUSY while another
   * process calibrates, NOT_WRITABLE where the store cannot be written to.
   */
  static take(storePath: string, key: string): CalibrationFolder {
    const folder = new CalibrationFolder(join(storePath, 'predictors.partial'));
    try {
      mkdirSync(folder.path, { recursive: true });
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      throw new FlashrowError(
        'NOT_WRITABLE',
        `cannot write into ${storePath}: ${message}; copy the store to a place that can be written`,
        { path: storePath, errno: code },
        { cause: error },
      );
    }
    takeLock(folder.file('lock'));
    if (folder.read('key') !== key) {
      for (let layer = 0; existsSync(folder.file(`inputs-${layer}.f32`)); layer++) {
        rmSync(folder.file(`inputs-${layer}.f32`));
        rmSync(folder.file(`layer-${layer}`), { force: true });
      }
      rmSync(folder.file('collected'), { force: true });
      folder.write('key', key);
    }
    return folder;
  }

  file(name: string): string {
    return join(this.path, name);
  }

  /** Sequences whose inputs are safely spilled. */
  get collected(): number {
    const collected = this.read('collected');
    return typeof collected === 'number' ? collected : 0;
  }

  set collected(sequences: number) {
    this.write('collected', sequences);
  }

  layer(index: number): FinishedLayer | null {
    return this.read(`layer-${index}`) as FinishedLayer | null;
  }

  finishLayer(index: number, layer: FinishedLayer): void {
    this.write(`layer-${index}`, layer);
  }

  /** Lets go of the folder and keeps it for resuming. */
  release(): void {
    rmSync(this.file('lock'), { force: true });
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }

  private read(name: string): unknown {
    try {
      return unpackChecked(readFileSync(this.file(name)));
    } catch {
      // Not there, or torn by a power cut: it is made again.
      return null;
    }
  }

  private write(name: string, value: unknown): void {
    const partial = this.file(`${name}.partial`);
    writeFileSync(partial, packChecked(value));
    renameSync(partial, this.file(name));
  }
}
