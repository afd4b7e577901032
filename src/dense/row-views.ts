/** Views of an array from one of its numbers on. Each is made once, so that a pass over tokens makes none. */
export class RowViews {
  readonly array: Float32Array;
  readonly #views = new Map<number, Float32Array>();

  constructor(array: Float32Array) {
    this.array = array;
  }

  from(first: number): Float32Array {
    if (first === 0) return this.array;
    const known = this.#views.get(first);
    if (known) return known;
    const view = this.array.subarray(first);
    this.#views.set(first, view);
    return view;
  }
}
