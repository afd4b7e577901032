import type { LoadedModel, Sample } from './activity.js';

/** Cells of a row at most: more bundles share cells. */
const MOST_COLUMNS = 512;
/** A cell cools down to a half in so many ms. */
const HALF_LIFE_MS = 350;
/** What stays, so that one sees how a cell was last used. */
const FAINT = 0.16;

/**
 * How lately each cell of layers x units was read, or found in memory, 0 to 1. A trace of its last use stays. Where a
 * layer has more units than there are columns a cell stands for several, and shows the share of them.
 */
export class Heat {
  readonly rows: number;
  readonly columns: number;
  readonly read: Float32Array;
  readonly hit: Float32Array;
  /** Units in memory that were asked for, and units that were read, of the sample that came last. */
  lastHit = 0;
  lastRead = 0;
  readonly #layers: LoadedModel['layers'];
  readonly #asked: Float32Array;
  readonly #missed: Float32Array;

  constructor(layers: LoadedModel['layers']) {
    this.#layers = layers;
    this.rows = layers.length;
    this.columns = Math.min(MOST_COLUMNS, Math.max(...layers.map(({ units }) => units)));
    this.read = new Float32Array(this.rows * this.columns);
    this.hit = new Float32Array(this.rows * this.columns);
    this.#asked = new Float32Array(this.columns);
    this.#missed = new Float32Array(this.columns);
  }

  add({ layers }: Sample): void {
    this.lastHit = 0;
    this.lastRead = 0;
    for (const [row, { asked, read }] of layers.entries()) {
      const { units } = this.#layers[row];
      const used = Math.min(this.columns, units);
      this.#asked.fill(0);
      this.#missed.fill(0);
      for (let unit = 0; unit < units; unit++) {
        const bit = 1 << (unit & 7);
        if ((asked[unit >> 3] & bit) === 0) continue;
        const isRead = (read[unit >> 3] & bit) !== 0;
        const column = Math.floor((unit * used) / units);
        if (isRead) this.#missed[column] += 1;
        else this.#asked[column] += 1;
        if (isRead) this.lastRead += 1;
        else this.lastHit += 1;
      }
      const each = units / used;
      for (let column = 0; column < used; column++) {
        const at = row * this.columns + column;
        const [missed, found] = [this.#missed[column], this.#asked[column]];
        if (missed + found === 0) continue;
        this.read[at] = heated(this.read[at], missed / each);
        this.hit[at] = heated(this.hit[at], found / each);
      }
    }
  }

  /** Cools down to the trace; true while anything is warmer. */
  cool(ms: number): boolean {
    const factor = 0.5 ** (ms / HALF_LIFE_MS);
    let warm = false;
    for (const cells of [this.read, this.hit])
      for (let at = 0; at < cells.length; at++) {
        if (cells[at] <= FAINT) continue;
        cells[at] = Math.max(FAINT, cells[at] * factor);
        warm = true;
      }
    return warm;
  }

  /** Units of a row; cells beyond them are none. */
  columnsOf(row: number): number {
    return Math.min(this.columns, this.#layers[row].units);
  }
}

/** A share of a cell's units was used; where none was, what is left of an earlier use goes on cooling. */
const heated = (before: number, share: number): number =>
  Math.max(before > FAINT ? before : 0, Math.sqrt(Math.min(1, share)));
