import { statIfThere } from '../disk/folders.js';
import { digestOf } from './file-digest.js';
import type { RemoteFile } from './hub.js';

/**
 * Which files in their places are those of the hub. Telling takes reading them; each is read once, unless somebody
 * writes it meanwhile.
 */
export class InPlace {
  readonly #compared = new Map<string, { writtenMs: number; expected: string; is: boolean }>();

  /** Throws the signal's reason. `onBytes` is told what was read. */
  async has(
    path: string,
    file: RemoteFile,
    { signal, onBytes }: { signal?: AbortSignal; onBytes: (bytes: number) => void },
  ): Promise<boolean> {
    const found = statIfThere(path);
    if (found?.size !== file.bytes) return false;
    const expected = file.digest.hex;
    const before = this.#compared.get(path);
    if (before?.writtenMs === found.mtimeMs && before.expected === expected) return before.is;
    const is = (await digestOf(path, file, { signal, onBytes })) === expected;
    this.#compared.set(path, { writtenMs: found.mtimeMs, expected, is });
    return is;
  }
}
