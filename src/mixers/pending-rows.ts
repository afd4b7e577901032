import { PAGE_POSITIONS } from '../../native-bridge/memory.js';

/** Rows of one layer that compressed keys are made of, by position, in pages as keys and values have. */
export class PendingRows {
  readonly #width: number;
  /** By page; null where a page is not held. */
  readonly #pages: (Float32Array | null)[] = [];

  /** `width`: floats of a row. */
  constructor(width: number) {
    this.#width = width;
  }

  get bytes(): number {
    return this.#pages.reduce((sum, page) => sum + (page?.byteLength ?? 0), 0);
  }

  /** Floats of a page. */
  get pageFloats(): number {
    return this.#width * PAGE_POSITIONS;
  }

  /** The page that a position's row is on, and where it begins there. The position has to be held. */
  page(position: number): Float32Array {
    return this.#pages[Math.floor(position / PAGE_POSITIONS)]!;
  }

  offset(position: number): number {
    return (position % PAGE_POSITIONS) * this.#width;
  }

  /** Keeps rows of `tokens` tokens, from row `row` on, at `position` and after. */
  append(rows: Float32Array, row: number, tokens: number, position: number): void {
    for (let token = 0; token < tokens; token++) {
      const at = position + token;
      const page = this.hold(Math.floor(at / PAGE_POSITIONS));
      const from = (row + token) * this.#width;
      const to = this.offset(at);
      for (let i = 0; i < this.#width; i++) page[to + i] = rows[from + i];
    }
  }

  /** A page, which is held from now on. */
  hold(page: number): Float32Array {
    while (this.#pages.length <= page) this.#pages.push(null);
    this.#pages[page] ??= new Float32Array(this.pageFloats);
    return this.#pages[page]!;
  }

  drop(page: number): void {
    if (page < this.#pages.length) this.#pages[page] = null;
  }

  /** Forgets positions from `length` on. */
  truncate(length: number): void {
    this.#pages.length = Math.min(this.#pages.length, Math.ceil(length / PAGE_POSITIONS));
  }

  /** Holds what another one holds of its first `length` positions. */
  copy(from: PendingRows, length: number): void {
    this.#pages.length = 0;
    for (let page = 0; page < Math.ceil(length / PAGE_POSITIONS); page++)
      this.#pages.push(from.#pages[page]?.slice() ?? null);
  }
}
