import type { SamplingSettings } from '../../contract/sampling-options.js';
import { inRange } from './penalties.js';

type Settings = Pick<SamplingSettings, 'dryMultiplier' | 'dryBase' | 'dryAllowedLength' | 'dryWindow'>;

/** Characters that end a sequence: a token that holds one is part of none. Those that llama.cpp begins with. */
const BREAKERS: ReadonlySet<number> = new Set(Buffer.from('\n:"*'));
/** The largest penalty that a 32-bit float holds, as a logarithm. */
const LARGEST = Math.log(3.4e38);

/** Whether a token, by its bytes, ends the sequences that may be repeated. */
export const breaksSequence = (bytes: Uint8Array): boolean => bytes.some((byte) => BREAKERS.has(byte));

/**
 * Makes tokens less likely that would go on with what was there already (DRY: "don't repeat yourself",
 * github.com/oobabooga/text-generation-webui/pull/5677). By llama.cpp's rules: the end of the history is compared with
 * all that came before; where `length` tokens are the same, the token that followed loses multiplier * base ^ (length -
 * allowedLength). The longest match counts.
 */
export class DryPenalty {
  readonly #settings: Settings;
  readonly #breaks: (id: number) => boolean;
  /** Per distance from the end, how many tokens before it are those at the end. */
  #matches = new Int32Array(0);
  /** The longest sequence that an id would go on with. */
  readonly #asked = new Map<number, number>();

  constructor(settings: Settings, breaks: (id: number) => boolean) {
    this.#settings = settings;
    this.#breaks = breaks;
  }

  /** Changes logits in place. `history`: the ids so far. */
  apply(logits: Float32Array, history: readonly number[]): void {
    const { dryWindow, dryAllowedLength } = this.#settings;
    const size = Math.min(history.length, dryWindow);
    const most = this.#sinceBreaker(history, size);
    if (most < dryAllowedLength) return;
    const matches = this.#match(history, size);
    const asked = this.#asked;
    asked.clear();
    for (let back = 1; back < size; back++) {
      const length = Math.min(matches[back], most);
      const next = history[history.length - back];
      if (length >= dryAllowedLength && length > (asked.get(next) ?? 0)) asked.set(next, length);
    }
    for (const [id, length] of asked)
      if (!this.#breaks(id) && Number.isFinite(logits[id])) logits[id] = inRange(logits[id] - this.#penalty(length));
  }

  #penalty(length: number): number {
    const { dryMultiplier, dryBase, dryAllowedLength } = this.#settings;
    const largest = dryBase > 1.000001 ? Math.floor(LARGEST / Math.log(dryBase)) : length;
    return dryMultiplier * dryBase ** Math.min(length - dryAllowedLength, largest);
  }

  /** Tokens since the last one that ends a sequence. */
  #sinceBreaker(history: readonly number[], size: number): number {
    let count = 0;
    while (count < size && !this.#breaks(history[history.length - 1 - count])) count++;
    return count;
  }

  /** matches[back]: how many ids up to `back` before the end are those up to the end. The Z-algorithm, backwards. */
  #match(history: readonly number[], size: number): Int32Array {
    if (this.#matches.length < size) this.#matches = new Int32Array(2 * size);
    const matches = this.#matches;
    const at = (back: number) => history[history.length - 1 - back];
    let [left, right] = [0, 0];
    for (let back = 1; back < size; back++) {
      let length = back < right ? Math.min(right - back, matches[back - left]) : 0;
      while (back + length < size && at(length) === at(back + length)) length++;
      matches[back] = length;
      if (back + length > right) [left, right] = [back, back + length];
    }
    return matches;
  }
}
