/** Something that holds memory, a file or a session until it is told to let go. */
export interface Disposable {
  dispose(): Promise<void> | void;
}

/**
 * The parts that a load has brought so far. `dispose` lets go of all of them, the newest first: when the load fails, or
 * when the whole is disposed of.
 */
export class HeldParts implements Disposable {
  readonly #parts: Disposable[] = [];

  /** Takes `part` over and returns it. */
  keep<T extends Disposable>(part: T): T {
    this.#parts.push(part);
    return part;
  }

  /** Lets go of all of them before it returns, but for what takes time by itself, as `dispose` does. */
  async release(): Promise<void> {
    await Promise.all(
      this.#parts
        .splice(0)
        .reverse()
        .map((part) => part.dispose()),
    );
  }

  async dispose(): Promise<void> {
    for (const part of this.#parts.splice(0).reverse()) await part.dispose();
  }
}
