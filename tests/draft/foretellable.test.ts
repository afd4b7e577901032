import { describe, expect, it } from 'vitest';
import { Foretellable } from '../../dist/src/draft/foretellable.js';

const USUAL = [0.4, 0.6, 0.9];

function saw(text: Foretellable, certainty: number, times: number): number {
  for (let i = 0; i < times; i++) text.saw(certainty);
  return text.share;
}

describe('how much of a text a draft would foretell', () => {
  it('is nothing before the first token, and nears what is usual from below', () => {
    const text = new Foretellable(USUAL);
    expect(text.share).toBe(0);
    const few = saw(text, 2, 4);
    const many = saw(text, 2, 60);
    expect(few).toBeLessThan(many);
    expect(many).toBeLessThan(0.9);
    expect(many).toBeGreaterThan(0.83);
  });

  it('is of this text: another one begins anew', () => {
    const text = new Foretellable(USUAL);
    saw(text, 2, 50);
    text.begin();
    expect(text.share).toBe(0);
    expect(saw(text, 0, 50)).toBeLessThan(0.4);
  });

  it('learns of a draft that is less often right than others, and of one that is more often', () => {
    const [worse, better] = [new Foretellable(USUAL), new Foretellable(USUAL)];
    for (let i = 0; i < 30; i++) {
      worse.note(2, i % 10 === 0);
      better.note(0, true);
    }
    expect(saw(worse, 2, 50)).toBeLessThan(0.35);
    expect(saw(better, 0, 50)).toBeGreaterThan(0.7);
    // The next text remembers most of it.
    worse.begin();
    expect(saw(worse, 2, 50)).toBeLessThan(0.5);
  });
});
