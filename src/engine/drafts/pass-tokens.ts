/**
 * The tokens of a pass: some that follow each other, and after them, others that may come in the place of one of them.
 * Every token of a pass has a row; the first has row 0.
 */
export class PassTokens {
  readonly ids: number[] = [];
  /** Of the tokens that stand beside others, which are the last ones: the row that each of them follows. */
  readonly after: number[] = [];

  /** The first token, and nothing else. */
  begin(id: number): void {
    this.ids.length = 0;
    this.after.length = 0;
    this.ids.push(id);
  }

  /** One more token, which follows the one before. No token stands beside others yet. */
  push(id: number): void {
    this.ids.push(id);
  }

  /** A token that may follow row `row` in the place of the one that does. */
  beside(row: number, id: number): void {
    this.ids.push(id);
    this.after.push(row);
  }

  /** Tokens that follow each other. */
  get inRow(): number {
    return this.ids.length - this.after.length;
  }

  /** The row of the token that goes on with `id` after row `row`; -1 where there is none. */
  find(row: number, id: number): number {
    const { ids, after, inRow } = this;
    if (row + 1 < inRow && ids[row + 1] === id) return row + 1;
    for (let i = 0; i < after.length; i++) if (after[i] === row && ids[inRow + i] === id) return inRow + i;
    return -1;
  }

  /** Tokens of a text up to the token in row `row`. */
  lengthAt(row: number): number {
    return row < this.inRow ? row + 1 : this.after[row - this.inRow] + 2;
  }

  /** Token `index` of the text that ends in row `row`. */
  at(index: number, row: number): number {
    return this.ids[index + 1 === this.lengthAt(row) ? row : index];
  }
}
