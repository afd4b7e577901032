import type { Piece } from '../contract/piece.js';

interface Waiting {
  resolve: (step: IteratorResult<Piece>) => void;
  reject: (error: unknown) => void;
}

/** The pieces of a generation so far, for any number of readers. */
export class Pieces {
  readonly list: Piece[] = [];
  readonly #readers = new Set<PieceReader>();
  /** How it ended; null while more may come. */
  end: { error?: unknown } | null = null;

  push(piece: Piece): void {
    if (this.end) return;
    this.list.push(piece);
    this.#wake();
  }

  /** No more pieces come. Readers throw `error`, where there is one, after the last piece. */
  close(end: { error?: unknown }): void {
    this.end ??= end;
    this.#wake();
  }

  /** A reader from the first piece on. `leave` is called where it stops before the end. */
  read(leave: () => void): PieceReader {
    const reader = new PieceReader(this, () => {
      this.#readers.delete(reader);
      if (!this.end) leave();
    });
    if (!this.end) this.#readers.add(reader);
    return reader;
  }

  #wake(): void {
    for (const reader of this.#readers) reader.settle();
    if (this.end) this.#readers.clear();
  }
}

/** Answers one `next()` after the other, in their order, however many wait. */
class PieceReader implements AsyncIterableIterator<Piece> {
  readonly #pieces: Pieces;
  readonly #leave: () => void;
  readonly #waiting: Waiting[] = [];
  #at = 0;
  #over = false;

  constructor(pieces: Pieces, leave: () => void) {
    this.#pieces = pieces;
    this.#leave = leave;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<Piece>> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.settle();
    });
  }

  async return(): Promise<IteratorResult<Piece>> {
    this.#over = true;
    this.settle();
    this.#leave();
    return { done: true, value: undefined };
  }

  /** Answers those who wait, as far as there are answers. */
  settle(): void {
    const { list, end } = this.#pieces;
    while (this.#waiting.length > 0) {
      if (this.#over) {
        this.#waiting.shift()!.resolve({ done: true, value: undefined });
      } else if (this.#at < list.length) {
        this.#waiting.shift()!.resolve({ done: false, value: list[this.#at++] });
      } else if (end) {
        this.#over = true;
        if ('error' in end) this.#waiting.shift()!.reject(end.error);
      } else {
        return;
      }
    }
  }
}
