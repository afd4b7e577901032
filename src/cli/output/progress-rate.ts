/** The speed is that of the last quarter of a minute: a disk or a network that changes its pace is believed soon. */
const WINDOW_MS = 15_000;
const SAMPLE_MS = 250;

/** How fast a number grows. */
export class ProgressRate {
  readonly #samples: { ms: number; done: number }[] = [];

  /** `done` at `ms`, of a clock that never goes back. */
  add(done: number, ms: number): void {
    const last = this.#samples.at(-1);
    if (last && ms - last.ms < SAMPLE_MS && this.#samples.length > 1) this.#samples.pop();
    this.#samples.push({ ms, done });
    while (this.#samples.length > 2 && ms - this.#samples[0].ms > WINDOW_MS) this.#samples.shift();
  }

  /** Per second, as of `ms`; null while there is too little to say. */
  perSecond(ms: number): number | null {
    const first = this.#samples[0];
    if (!first || ms - first.ms < SAMPLE_MS) return null;
    const grown = this.#samples.at(-1)!.done - first.done;
    return grown > 0 ? (grown * 1000) / (ms - first.ms) : null;
  }
}
