import { describe, expect, it } from 'vitest';
import { MOST_OTHER_IDS } from '../../dist/src/draft/few-ids.js';
import { UsualIds } from '../../dist/src/draft/usual-ids.js';

const VOCABULARY = 100_000;

/** `count` different ids from `from` on. */
const ids = (from: number, count: number) => Array.from({ length: count }, (_, i) => from + i);

function after(prompt: number[], answer: number[] = []) {
  const usual = new UsualIds(VOCABULARY);
  usual.begin(prompt);
  for (const id of answer) usual.push(id);
  return usual.few;
}

describe('the ids that a text is likely to go on with', () => {
  it('are a quarter of the vocabulary, and what the text had outside', () => {
    expect(after(ids(10, 60))).toEqual({ below: 25_000, others: [] });
    expect(after([...ids(10, 60), 99_998], [30_000, 99_998, 7])).toEqual({ below: 25_000, others: [30_000, 99_998] });
  });

  it('are the half or all where the text lies outside', () => {
    expect(after([...ids(10, 60), ...ids(26_000, 20)])).toMatchObject({ below: 50_000 });
    expect(after([...ids(10, 60), ...ids(60_000, 20)])).toBeNull();
    // Each different one counts once: marks of turns come again and again.
    const marks = Array.from({ length: 50 }, () => 99_999);
    expect(after([...ids(10, 60), ...marks])).toEqual({ below: 25_000, others: [99_999] });
  });

  it('have so many outside at most, the latest', () => {
    const few = after(ids(0, 2000), ids(30_000, 200))!;
    expect(few.below).toBe(25_000);
    expect(few.others).toEqual(ids(30_200 - MOST_OTHER_IDS, MOST_OTHER_IDS));
  });

  it('are those of this text alone', () => {
    const usual = new UsualIds(VOCABULARY);
    usual.begin(ids(60_000, 100));
    expect(usual.few).toBeNull();
    usual.begin(ids(0, 100));
    expect(usual.few).toEqual({ below: 25_000, others: [] });
  });

  it('are all of a small vocabulary, and of an empty text the first', () => {
    const small = new UsualIds(32_000);
    small.begin(ids(0, 100));
    expect(small.few).toBeNull();
    expect(after([])).toEqual({ below: 25_000, others: [] });
    // A model may have more ids than its draft.
    expect(after(ids(0, 50), [VOCABULARY, VOCABULARY + 5])).toEqual({ below: 25_000, others: [] });
  });
});
