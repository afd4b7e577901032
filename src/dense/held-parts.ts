/** Something that holds memory, a file or a session until it is told to let go. */
export interface Disposable {
  dispose(): Promise<void> | void;
}

/**
 * What a load has brought so far. Where the load fails, or later in one call, all of it is let go: the newest first.
 */
export class HeldParts implements Disposable {
  readonly #parts: Disposable[] = [];

  /** Takes `part` over and returns it. */
  keep<T extends Disposable>(part: T): T {
    this.#parts.push(part);
    return part;
  }

  async dispose(): Promise<void> {
    for (const part of this.#parts.splice(0).reverse()) await part.dispose();
  }
}
