import { describe, expect, it } from 'vitest';
import { KeptPages } from '../../../dist/src/engine/state/kept-pages.js';

const PAGE = 64;

/** Layers with a window as a list of the pages that they hold, kept beside what they are told to drop. */
class Layers {
  readonly kept: KeptPages;
  readonly held = new Set<number>();
  length = 0;
  constructor(
    readonly window: number,
    readonly limit: number,
    contextSize = 8192,
  ) {
    this.kept = new KeptPages(window, limit, contextSize);
  }

  pass(tokens: number): void {
    for (const page of this.kept.begin(tokens))
      if (!this.held.delete(page)) throw new Error(`page ${page} was not held`);
    for (let at = this.length; at < this.length + tokens; at++) this.held.add(Math.floor(at / PAGE));
    this.length += tokens;
    if (this.held.size > this.limit) throw new Error(`${this.held.size} pages, of which ${this.limit} are allowed`);
    this.checkSeen(this.length - tokens, this.length);
  }

  /** A prompt up to `end` in chunks of `chunk`, and then `answer` tokens one by one. */
  turn(end: number, chunk: number, answer: number): void {
    this.kept.mark();
    while (this.length < end) {
      const tokens = Math.min(chunk, end - this.length);
      if (this.length + tokens === end) this.kept.markNext();
      this.pass(tokens);
    }
    for (let i = 0; i < answer; i++) this.pass(1);
  }

  rewind(length: number): number {
    this.length = this.kept.rewind(length);
    for (const page of this.held) if (page * PAGE >= this.length) this.held.delete(page);
    this.checkSeen(this.length, this.length);
    return this.length;
  }

  /** The token at `position` and those after it find all that they see up to `end`. */
  checkSeen(position: number, end: number): void {
    const first = Math.floor(Math.max(0, position + 1 - this.window) / PAGE);
    for (let page = first; page * PAGE < end; page++) if (!this.held.has(page)) throw new Error(`no page ${page}`);
  }
}

/** Pages for a window, a chunk, a window before a turn's end, and a message. */
const limit = (window: number, chunk: number) =>
  Math.ceil((window + chunk) / PAGE) + 1 + Math.ceil((window + 8) / PAGE) + 1 + 256 / PAGE;

describe('the pages of layers with a window', () => {
  it('are all of them while they fit, and every length can be returned to', () => {
    for (const length of [700, 690, 300, 64, 63, 1, 0]) {
      const layers = new Layers(100, 12);
      layers.turn(700, 128, 60);
      expect(layers.rewind(length)).toBe(length);
    }
  });

  it.each([
    [1, 32],
    [16, 32],
    [100, 128],
    [128, 512],
    [1024, 128],
  ])(
    'with a window of %d and chunks of %d, lead back into the last message, and to the end of the turn before',
    (window, chunk) => {
      // A long conversation, a message of 200 tokens, and an answer that is longer than what is kept.
      for (const back of [1, 50, 199, 200, 203]) {
        const layers = new Layers(window, limit(window, chunk), 32768);
        layers.turn(6000, chunk, 700);
        layers.turn(6900, chunk, 3000);
        expect(layers.rewind(6900 - back)).toBe(6900 - back);
        // Told otherwise, and edited again: the turn before is still there.
        layers.turn(6950, chunk, 2000);
        expect(layers.rewind(6705)).toBe(6705);
        layers.turn(6905, chunk, 10);
        expect(layers.rewind(0)).toBe(0);
        expect(layers.held.size).toBe(0);
      }
    },
  );

  it('lead back to the end of the first prompt, however long it and its answer are', () => {
    const layers = new Layers(512, limit(512, 128));
    layers.turn(3000, 128, 4000);
    expect(layers.rewind(2999)).toBe(2999);
  });

  it('lead back to less where too much lies between, never to more', () => {
    const layers = new Layers(100, limit(100, 128));
    layers.turn(5000, 128, 1000);
    const reached = layers.rewind(2500);
    expect(reached).toBeLessThanOrEqual(2500);
    layers.turn(2600, 128, 20);
    expect(layers.length).toBe(2620);
  });

  it('hold what a pass that broke off had found', () => {
    for (const chunk of [32, 128, 512]) {
      const layers = new Layers(70, limit(70, chunk));
      layers.turn(3000, chunk, 10);
      layers.pass(chunk);
      expect(layers.rewind(3010)).toBe(3010);
      layers.pass(1);
    }
  });
});
