/**
 * Says which id goes first: a binary min-heap over ids, by `key[id]`, and by `tie[id]` where keys are equal. The owner
 * of the two arrays may change the entries of an id while it is outside. Every operation is O(log size). Nothing is
 * allocated after construction.
 */
export class EvictionHeap {
  size = 0;
  readonly #heap: Uint32Array;
  /** Place of each id in the heap; -1 outside. */
  readonly #place: Int32Array;

  readonly #key: Float64Array;
  readonly #tie: Float64Array;

  constructor(key: Float64Array, tie: Float64Array) {
    this.#key = key;
    this.#tie = tie;
    this.#heap = new Uint32Array(key.length);
    this.#place = new Int32Array(key.length).fill(-1);
  }

  has(id: number): boolean {
    return this.#place[id] >= 0;
  }

  add(id: number): void {
    this.#rise(this.size++, id);
  }

  /** Takes out the id that goes first, and returns it. */
  pop(): number {
    const id = this.#heap[0];
    this.remove(id);
    return id;
  }

  remove(id: number): void {
    const at = this.#place[id];
    this.#place[id] = -1;
    const last = this.#heap[--this.size];
    if (last === id) return;
    if (at > 0 && this.#before(last, this.#heap[(at - 1) >> 1])) this.#rise(at, last);
    else this.#sink(at, last);
  }

  #before(a: number, b: number): boolean {
    return this.#key[a] < this.#key[b] || (this.#key[a] === this.#key[b] && this.#tie[a] < this.#tie[b]);
  }

  #rise(from: number, id: number): void {
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.#before(id, this.#heap[parent])) break;
      this.#put(at, this.#heap[parent]);
      at = parent;
    }
    this.#put(at, id);
  }

  #sink(from: number, id: number): void {
    let at = from;
    for (let child = 2 * at + 1; child < this.size; child = 2 * at + 1) {
      if (child + 1 < this.size && this.#before(this.#heap[child + 1], this.#heap[child])) child += 1;
      if (!this.#before(this.#heap[child], id)) break;
      this.#put(at, this.#heap[child]);
      at = child;
    }
    this.#put(at, id);
  }

  #put(at: number, id: number): void {
    this.#heap[at] = id;
    this.#place[id] = at;
  }
}
