/** One stop string and how much of it the text ends with (Knuth, Morris and Pratt 1977: linear whatever the text). */
interface Stop {
  text: string;
  /** borders[i]: length of the longest proper beginning of text that text[0..i] ends with. */
  borders: Int32Array;
  matched: number;
}

/**
 * Releases text up to the first stop string, which may come in several pieces. The first is the one that is complete
 * first, and of two that end together the longer: so the result does not depend on how the text was cut into pieces.
 */
export class StopScanner {
  readonly #stops: Stop[];
  #held = '';
  #stopped = false;

  /** Empty stop strings are ignored. */
  constructor(stops: readonly string[]) {
    this.#stops = stops.filter((text) => text !== '').map((text) => ({ text, borders: borders(text), matched: 0 }));
  }

  get stopped(): boolean {
    return this.#stopped;
  }

  /** What can be shown now; a possible beginning of a stop string is held back. After a stop there is nothing more. */
  push(text: string): { text: string; stopped: boolean } {
    if (this.#stopped) return { text: '', stopped: true };
    const all = this.#held + text;
    for (let at = this.#held.length; at < all.length; at++) {
      const stop = this.#step(all.charCodeAt(at));
      if (stop > 0) {
        this.#stopped = true;
        this.#held = '';
        return { text: all.slice(0, at + 1 - stop), stopped: true };
      }
    }
    let hold = 0;
    for (const { matched } of this.#stops) hold = Math.max(hold, matched);
    this.#held = all.slice(all.length - hold);
    return { text: all.slice(0, all.length - hold), stopped: false };
  }

  /** The text is over: what was held back was no stop string. */
  end(): string {
    const rest = this.#held;
    this.#held = '';
    for (const stop of this.#stops) stop.matched = 0;
    return rest;
  }

  /** Takes one UTF-16 unit; the length of the longest stop string it completes, else 0. */
  #step(unit: number): number {
    let longest = 0;
    for (const stop of this.#stops) {
      while (stop.matched > 0 && stop.text.charCodeAt(stop.matched) !== unit)
        stop.matched = stop.borders[stop.matched - 1];
      if (stop.text.charCodeAt(stop.matched) === unit) stop.matched++;
      if (stop.matched === stop.text.length) longest = Math.max(longest, stop.matched);
    }
    return longest;
  }
}

function borders(text: string): Int32Array {
  const result = new Int32Array(text.length);
  for (let at = 1, length = 0; at < text.length; at++) {
    while (length > 0 && text.charCodeAt(length) !== text.charCodeAt(at)) length = result[length - 1];
    if (text.charCodeAt(length) === text.charCodeAt(at)) length++;
    result[at] = length;
  }
  return result;
}
