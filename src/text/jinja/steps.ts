import { TooMuch } from './failures.js';

/*
 * What a render may cost. A template is a program, and may come with a request: one that does not end must not keep a
 * thread from everybody else. A render is synchronous, so there is one at a time, and its count is here.
 */

/** The largest conversations take some hundred thousand steps. So many take seconds. */
const MOST_STEPS = 5_000_000;
/** Characters that are gone through in the time of a step, and entries. */
export const UNITS_A_STEP = 64;
const ENTRIES_A_STEP = 16;
/** Characters, in marked form. Texts that double themselves would soon fill the memory. */
const LONGEST_TEXT = 1 << 27;

let left = Number.POSITIVE_INFINITY;

/** Runs a render, whose steps are counted. Throws what it throws, and TooMuch. */
export function withSteps<T>(render: () => T): T {
  left = MOST_STEPS;
  try {
    return render();
  } finally {
    left = Number.POSITIVE_INFINITY;
  }
}

/** Throws TooMuch where the template has used up its steps. */
export function spend(steps: number): void {
  left -= steps;
  if (left < 0) throw new TooMuch('takes too many steps');
}

/** Counts what it takes to go through a text or a list once. Throws TooMuch. */
export function spendOn(value: unknown): void {
  if (typeof value === 'string') {
    if (value.length > LONGEST_TEXT) throw new TooMuch('makes a text that is too long');
    if (value.length >= UNITS_A_STEP) spend(value.length / UNITS_A_STEP);
  } else if (Array.isArray(value) && value.length >= ENTRIES_A_STEP) spend(value.length / ENTRIES_A_STEP);
}
