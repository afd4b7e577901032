/**
 * One stop string, and its matched start at the end of the text (Knuth, Morris and Pratt 1977: linear for any text).
 */
interface Stop {
  text: string;
  /** borders[i]: length of the longest proper prefix of `text` that is also a suffix of text[0..i]. */
  borders: Int32Array;
  matched: number;
}

/** Where a special token stands in the held text. `from` is below 0 where its start is no longer held. */
interface Hidden {
  from: number;
  to: number;
}

/**
 * Releases text up to the first stop string, which may come in several pieces. The first is the one that is complete
 * first, and the longer of two that end together. So the result does not depend on the cuts between pieces.
 *
 * A special token is no text, but a stop string may name it, whole, alone or beside text. transformers' `stop_strings`
 * do the same, and match parts of such a token too; nobody who sees the text alone would expect that.
 */
export class StopScanner {
  readonly #stops: Stop[];
  #held = '';
  #hidden: Hidden[] = [];
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
    return this.#scan(text);
  }

  /** Takes a special token, as the vocabulary writes it. Returns what `push` does; the token is never shown. */
  pushSpecial(token: string): { text: string; stopped: boolean } {
    if (this.#stops.length === 0) return { text: '', stopped: false };
    this.#hidden.push({ from: this.#held.length, to: this.#held.length + token.length });
    return this.#scan(token);
  }

  /** Ends the text and returns the rest, which was held back and is no stop string. */
  end(): string {
    const rest = this.#shown(this.#held, this.#held.length);
    this.#held = '';
    this.#hidden = [];
    for (const stop of this.#stops) stop.matched = 0;
    return rest;
  }

  #scan(added: string): { text: string; stopped: boolean } {
    if (this.stopped) return { text: '', stopped: true };
    const all = this.#held + added;
    for (let at = this.#held.length; at < all.length; at++) {
      const stop = this.#step(all.charCodeAt(at), at + 1);
      if (stop > 0) {
        this.#stopText = all.slice(at + 1 - stop, at + 1);
        this.#held = '';
        return { text: this.#shown(all, at + 1 - stop), stopped: true };
      }
    }
    let hold = 0;
    for (const { matched } of this.#stops) hold = Math.max(hold, matched);
    const end = all.length - hold;
    const text = this.#shown(all, end);
    this.#held = all.slice(end);
    if (this.#hidden.length > 0) {
      this.#hidden = this.#hidden.flatMap(({ from, to }) => (to > end ? [{ from: from - end, to: to - end }] : []));
    }
    return { text, stopped: false };
  }

  /** all[0..end] without special tokens. */
  #shown(all: string, end: number): string {
    let text = '';
    let from = 0;
    for (const hidden of this.#hidden) {
      if (hidden.from >= end) break;
      text += all.slice(from, Math.max(from, hidden.from));
      from = Math.min(hidden.to, end);
    }
    return text + all.slice(from, end);
  }

  /** Takes one UTF-16 unit, before `end`. Returns the length of the longest stop string that it completes, else 0. */
  #step(unit: number, end: number): number {
    let longest = 0;
    for (const stop of this.#stops) {
      while (stop.matched > 0 && stop.text.charCodeAt(stop.matched) !== unit)
        stop.matched = stop.borders[stop.matched - 1];
      if (stop.text.charCodeAt(stop.matched) === unit) stop.matched++;
      if (stop.matched === stop.text.length && this.#isBetweenTokens(end - stop.matched, end))
        longest = Math.max(longest, stop.matched);
    }
    return longest;
  }

  #isBetweenTokens(start: number, end: number): boolean {
    const cuts = (at: number) => this.#hidden.some(({ from, to }) => from < at && at < to);
    return this.#hidden.length === 0 || !(cuts(start) || cuts(end));
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
