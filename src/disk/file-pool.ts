import { closeFile, type OpenFile, openFile } from './files.js';

/** Keeps each file open once, however many readers ask for it, until the pool is closed. Reads are positioned. */
export class FilePool {
  readonly #files = new Map<string, OpenFile>();

  /** Throws NOT_FOUND, UNSUPPORTED or IO, as `openFile` does. */
  open(path: string): OpenFile {
    let file = this.#files.get(path);
    if (file === undefined) {
      file = openFile(path);
      this.#files.set(path, file);
    }
    return file;
  }

  /** Closes the files. A later `open` opens them again. */
  close(): void {
    for (const file of this.#files.values()) closeFile(file);
    this.#files.clear();
  }
}
