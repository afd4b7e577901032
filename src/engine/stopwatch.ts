/** Adds up the time between `start` and `stop`, in ms. */
export class Stopwatch {
  total = 0;
  private since = 0;

  start(): void {
    this.since = performance.now();
  }

  stop(): void {
    this.total += performance.now() - this.since;
  }
}
