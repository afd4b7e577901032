import { type ActivitySample, addSample } from '../contract/activity.js';

/**
 * Hands the samples of an engine to all who look at it. While nobody does, the engine is told, by a flag in shared
 * memory, and makes none.
 */
export class ActivityFeed {
  /** Int32Array[1]: how many look. */
  readonly watchers = new SharedArrayBuffer(4);
  readonly #count = new Int32Array(this.watchers);
  readonly #readers = new Set<ActivityReader>();

  /** Takes a sample from the engine. */
  receive(sample: ActivitySample): void {
    const readers = [...this.#readers];
    for (const [at, reader] of readers.entries())
      reader.add(at === readers.length - 1 ? sample : structuredClone(sample));
  }

  /** Begins to look. The first sample is `first`; the last one is there when `closed` settles. */
  open(first: ActivitySample, closed: Promise<void>): AsyncIterableIterator<ActivitySample> {
    const reader = new ActivityReader(first, () => {
      if (this.#readers.delete(reader)) Atomics.sub(this.#count, 0, 1);
    });
    this.#readers.add(reader);
    Atomics.add(this.#count, 0, 1);
    closed.then(
      () => reader.end(null),
      (error) => reader.end({ error }),
    );
    return reader;
  }
}

interface Waiting {
  resolve: (result: IteratorResult<ActivitySample>) => void;
  reject: (error: unknown) => void;
}

/** One who looks. Samples that come before the next one is asked for are added up, so that no more than one waits. */
class ActivityReader implements AsyncIterableIterator<ActivitySample> {
  #sample: ActivitySample | null;
  readonly #waiting: Waiting[] = [];
  #ended = false;
  #failure: { error: unknown } | null = null;
  readonly #leave: () => void;

  constructor(first: ActivitySample, leave: () => void) {
    this.#sample = first;
    this.#leave = leave;
  }

  add(sample: ActivitySample): void {
    const waiting = this.#waiting.shift();
    if (waiting) waiting.resolve({ value: sample, done: false });
    else if (this.#sample) addSample(this.#sample, sample);
    else this.#sample = sample;
  }

  /** There will be no more. A failure is told once. */
  end(failure: { error: unknown } | null): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#leave();
    const [first, ...others] = this.#waiting.splice(0);
    if (first && failure) first.reject(failure.error);
    else first?.resolve({ value: undefined, done: true });
    for (const { resolve } of others) resolve({ value: undefined, done: true });
    if (!first) this.#failure = failure;
  }

  next(): Promise<IteratorResult<ActivitySample>> {
    const value = this.#sample;
    this.#sample = null;
    if (value) return Promise.resolve({ value, done: false });
    const failure = this.#failure;
    this.#failure = null;
    if (failure) return Promise.reject(failure.error);
    if (this.#ended) return Promise.resolve({ value: undefined, done: true });
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  async return(): Promise<IteratorResult<ActivitySample>> {
    this.#sample = null;
    this.end(null);
    return { value: undefined, done: true };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
