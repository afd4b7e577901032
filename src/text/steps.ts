/**
 * Work in steps: whoever runs it may do something else at each `yield`. A text of megabytes takes seconds, and others
 * wait for the thread.
 */
export type Steps<Result> = Generator<undefined, Result>;

/** The result, at once. */
export function finished<Result>(work: Steps<Result>): Result {
  for (;;) {
    const step = work.next();
    if (step.done) return step.value;
  }
}
