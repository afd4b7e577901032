import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Lock, takeLock } from '../disk/lock.js';
import { replaceFile } from '../disk/replace-file.js';
import { FlashrowError } from '../errors.js';
import { packChecked, unpackChecked } from '../store/checked-message.js';
import type { FinishedLayer } from '../store/write/predictors-writer.js';

/**
 * The folder `predictors.partial` inside a store: the work of a calibration that is not finished. Each small file in it
 * appears whole, by a rename.
 */
export class CalibrationFolder {
  readonly path: string;

  #lock!: Lock;

  private constructor(path: string) {
    this.path = path;
  }

  /**
   * Takes the folder of a store for this process. The work of an earlier run with the same `key` is kept, any other is
   * cleared. Throws BUSY while another process calibrates, NOT_WRITABLE if the store cannot be written to.
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
    folder.#lock = takeLock(folder.file('lock'), 'calibrating the same store');
    if (folder.#read('key') !== key) {
      for (let layer = 0; existsSync(folder.file(`inputs-${layer}.f32`)); layer++) {
        rmSync(folder.file(`inputs-${layer}.f32`));
        rmSync(folder.file(`layer-${layer}`), { force: true });
      }
      rmSync(folder.file('collected'), { force: true });
      folder.#write('key', key);
    }
    return folder;
  }

  /** The path of a file in the folder. */
  file(name: string): string {
    return join(this.path, name);
  }

  /** The number of sequences whose inputs are safe in the folder. */
  get collected(): number {
    const collected = this.#read('collected');
    return typeof collected === 'number' ? collected : 0;
  }

  set collected(sequences: number) {
    this.#write('collected', sequences);
  }

  /** A layer that was finished; null if it was not. */
  layer(index: number): FinishedLayer | null {
    return this.#read(`layer-${index}`) as FinishedLayer | null;
  }

  finishLayer(index: number, layer: FinishedLayer): void {
    this.#write(`layer-${index}`, layer);
  }

  /** Lets other processes take the folder, and keeps it for them to resume. */
  release(): void {
    this.#lock.release();
  }

  /** Removes the folder once the predictors are written. */
  remove(): void {
    this.#lock.releaseWithFolder();
  }

  /** A value that was written whole; null if there is none. */
  #read(name: string): unknown {
    try {
      return unpackChecked(readFileSync(this.file(name)));
    } catch {
      // It is not there, or a power cut tore it: it is made again.
      return null;
    }
  }

  #write(name: string, value: unknown): void {
    replaceFile(this.file(name), (file) => writeFileSync(file, packChecked(value)));
  }
}
