/** Rows and columns of the tokens of a picture. */
export interface Grid {
  rows: number;
  columns: number;
}

/** Tokens of a sequence that a pass takes: those of `ids` from `done` on, which stand at `position` and after. */
interface TokensOfPass {
  ids: readonly number[];
  done: number;
  tokens: number;
  position: number;
  /** Their first row in the pass. */
  row: number;
}

/**
 * Positions with a time, a row and a column (M-RoPE, arXiv 2409.12191). A token of text has the same number three
 * times, one more than what is before it. A picture's tokens have the number where it begins as their time; row and
 * column count from there. What comes after it goes on behind its longer side.
 */
export class GridPlaces {
  /** A token of the sequence that no picture reaches into from before, and its number. */
  #index = 0;
  #number = 0;

  /**
   * Writes the positions of a pass's tokens to into[3, rows of a pass]. `held` are the ids of the sequence before them,
   * `grids` the pictures of both by their first ids.
   */
  write(
    { ids, done, tokens, position, row }: TokensOfPass,
    held: readonly number[],
    grids: ReadonlyMap<number, Grid>,
    into: Int32Array,
  ): void {
    if (position < this.#index) this.#index = this.#number = 0;
    const end = position + tokens;
    let index = this.#index;
    let number = this.#number;
    while (index < end) {
      const id = index < position ? held[index] : ids[done + index - position];
      const { rows, columns } = grids.get(id) ?? ONE;
      for (let i = Math.max(0, position - index); i < rows * columns && index + i < end; i++) {
        const to = row + index + i - position;
        into[to] = number;
        into[into.length / 3 + to] = number + Math.floor(i / columns);
        into[(2 * into.length) / 3 + to] = number + (i % columns);
      }
      index += rows * columns;
      number += Math.max(rows, columns);
      if (index > position) continue;
      this.#index = index;
      this.#number = number;
    }
  }
}

const ONE: Grid = { rows: 1, columns: 1 };
