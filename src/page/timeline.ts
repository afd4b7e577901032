import type { Sample } from './activity.js';

/** What one step of the timeline holds; sums of the samples that came in it. */
export interface Step {
  ms: number;
  tokens: number;
  bytes: number;
  hit: number;
  missed: number;
}

const STEP_MS = 500;
const STEPS = 120;

const empty = (): Step => ({ ms: 0, tokens: 0, bytes: 0, hit: 0, missed: 0 });

/** The last minute in steps of half a second. */
export class Timeline {
  /** The newest step is the last one. */
  readonly steps: Step[] = Array.from({ length: STEPS }, empty);
  /** Seconds of each step, from now back. */
  readonly seconds: number[] = Array.from({ length: STEPS }, (_, at) => ((at - STEPS + 1) * STEP_MS) / 1000);
  #begun = 0;

  /** Moves on to `now`, ms; true where a step has passed. */
  moveTo(now: number): boolean {
    if (this.#begun === 0) this.#begun = now;
    const passed = Math.floor((now - this.#begun) / STEP_MS);
    for (let i = 0; i < Math.min(passed, STEPS); i++) {
      this.steps.shift();
      this.steps.push(empty());
    }
    this.#begun += passed * STEP_MS;
    return passed > 0;
  }

  add(sample: Sample): void {
    const step = this.steps[STEPS - 1];
    step.ms += sample.ms;
    step.tokens += sample.tokens;
    step.bytes += sample.deviceBytesRead;
    step.hit += sample.bundlesHit;
    step.missed += sample.bundlesMissed;
  }

  /** Whether anything happened in it. */
  get isEmpty(): boolean {
    return this.steps.every(({ ms }) => ms === 0);
  }
}
