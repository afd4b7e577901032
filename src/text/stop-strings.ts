/**
 * One stop string, and its matched start at the end of the text (Knuth, Morris and Pratt 1977: linear for any text).
 */
interface Stop {
  text: string;
  /** borders[i]: length of the longest proper prefix of `text` that is also a suffix of text[0..i]. */
  borders: Int32Array;
  matched: number;
}

/**
 * Releases text up to the first stop string, which may come in several pieces. The first is the one that is complete
 * first, and the longer of two that end together. So the result does not depend on the cuts between pieces.
 */
export class StopScanner {
  readonly #stops: Stop[];
  #held = '';
  #stopText: string | null = null;

  /** Empty stop strings are ignored. */
  constructor(stops: readonly string[]) {
    this.#stops = stops.filter((text) => text !== '').map((text) => ({ text, borders: borders(text), matched: 0 }));
  }

  get stopped(): boolean {
    return this.#stopText !== null;
  }

  /** The stop string that ended the text; null where none has. */
  get stopText(): string | null {
    return this.#stopText;
  }

  /**
   * Returns the text that can be shown now. A possible start of a stop string is held back. After a stop it is empty.
   */
  push(text: string): { text: string; stopped: boolean } {
    if (this.stopped) return { text: '', stopped: true };
    const all = this.#held + text;
    for (let at = this.#held.length; at < all.length; at++) {
      const stop = this.#step(all.charCodeAt(at));
      if (stop > 0) {
        this.#stopText = all.slice(at + 1 - stop, at + 1);
        this.#held = '';
        return { text: all.slice(0, at + 1 - stop), stopped: true };
      }
    }
    let hold = 0;
    for (const { matched } of this.#stops) hold = Math.max(hold, matched);
    this.#held = all.slice(all.length - hold);
    return { text: all.slice(0, all.length - hold), stopped: false };
  }

  /** Ends the text and returns the rest, which was held back and is no stop string. */
  end(): string {
    const rest = this.#held;
    this.#held = '';
    for (const stop of this.#stops) stop.matched = 0;
    return rest;
  }

  /** Takes one UTF-16 unit. Returns the length of the longest stop string that it completes, else 0. */
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
