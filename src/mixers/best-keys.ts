/**
 * Chooses the best of some scores by a heap whose root is the worst of those that are in. A later score takes its place
 * where it is better. Which of several equal ones stay is what std::partial_sort of libstdc++ makes of it, as in
 * llama.cpp: small models have scores of exactly 0 for many keys.
 */
export class BestKeys {
  readonly #heap: Int32Array;

  /** `most`: keys that are chosen at most. */
  constructor(most: number) {
    this.#heap = new Int32Array(most);
  }

  /** The places of the best of the first `count` scores, in no order. It is valid until the next call. */
  of(scores: Float32Array, count: number): Int32Array {
    const heap = this.#heap;
    const size = Math.min(count, heap.length);
    for (let i = 0; i < size; i++) heap[i] = i;
    if (count <= heap.length) return heap.subarray(0, size);
    for (let root = (size >> 1) - 1; root >= 0; root--) this.#sink(scores, root, heap[root]);
    for (let key = size; key < count; key++) if (scores[key] > scores[heap[0]]) this.#sink(scores, 0, key);
    return heap;
  }

  /** Puts a key into the heap below `root`: the hole goes down to a leaf, and the key up from there. */
  #sink(scores: Float32Array, root: number, key: number): void {
    const heap = this.#heap;
    const size = heap.length;
    let hole = root;
    for (let child = 2 * hole + 2; child <= size; child = 2 * hole + 2) {
      // Of two children the worse one rises; the second, if they are equal.
      const worse = child === size || scores[heap[child]] > scores[heap[child - 1]] ? child - 1 : child;
      heap[hole] = heap[worse];
      hole = worse;
    }
    for (let parent = (hole - 1) >> 1; hole > root && scores[heap[parent]] > scores[key]; parent = (hole - 1) >> 1) {
      heap[hole] = heap[parent];
      hole = parent;
    }
    heap[hole] = key;
  }
}
