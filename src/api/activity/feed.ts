import { type ActivityOptions, type ActivitySample, addSample } from '../../contract/activity.js';

/**
 * Hands the samples of an engine to all who look at it. While nobody does, the engine is told, by a flag in shared
 * memory, and makes none.
 */
export class ActivityFeed {
  /** Int32Array[2]: how many look, and how many of them at each pass. */
  readonly watchers = new SharedArrayBuffer(8);
  readonly #count = new Int32Array(this.watchers);
  readonly #readers = new Set<ActivityReader>();

  /** Takes a sample from the engine. */
  receive(sample: ActivitySample): void {
    const readers = [...this.#readers];
    for (const [at, reader] of readers.entries())
      reader.add(at === readers.length - 1 ? sample : structuredClone(sample));
  }

  /** Begins to look. The first sample is `first`; the last one is there when `closed` settles. */
  open(
    first: ActivitySample,
    { trace = false }: ActivityOptions,
    closed: Promise<void>,
  ): AsyncIterableIterator<ActivitySample> {
    const count = (change: 1 | -1) => {
      Atomics.add(this.#count, 0, change);
      if (trace) Atomics.add(this.#count, 1, change);
    };
    const reader = new ActivityReader(first, trace, () => {
      if (this.#readers.delete(reader)) count(-1);
    });
    this.#readers.add(reader);
    count(1);
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
  readonly #traces: boolean;

  /** `trace`: whether it takes passes one by one. */
  constructor(first: ActivitySample, trace: boolean, leave: () => void) {
    this.#sample = first;
    this.#traces = trace;
    this.#leave = leave;
  }

  add(sample: ActivitySample): void {
    if (!this.#traces) sample.trace = [];
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
