import { describe, expect, it } from 'vitest';
import { LookupDraft } from '../../dist/src/draft/lookup.js';
import { random } from '../support/random.js';

function foretold(draft: LookupDraft, most: number): number[] {
  const ids: number[] = [];
  while (ids.length < most && draft.foretell()) ids.push(draft.id);
  return ids;
}

/** By trying every earlier place: the longest match of the end, the latest of several, and what followed. */
function slowly(text: readonly number[], most: number, longest: number): number[] {
  const end = text.length - 1;
  let matched = 1;
  let from = -1;
  for (let place = end - 1; place >= 1; place--) {
    let same = 0;
    while (same <= place && same < longest && text[place - same] === text[end - same]) same++;
    if (same > matched) {
      matched = same;
      from = place + 1;
    }
  }
  if (from < 0) return [];
  const all = [...text];
  for (let i = 0; i < most; i++) all.push(all[from + i]);
  return all.slice(text.length);
}

describe('lookup', () => {
  it('says what followed the longest earlier match of the end, the latest of several', () => {
    const draft = new LookupDraft(64, 8);
    draft.begin([1, 2, 3, 4, 5, 9, 2, 3, 7, 8, 1, 2]);
    draft.push(3);
    // 1 2 3 stands at the beginning, 2 3 later.
    expect(foretold(draft, 4)).toEqual([4, 5, 9, 2]);
    draft.push(7);
    expect(foretold(draft, 2)).toEqual([8, 1]);
    expect(draft.foretell()).toBe(true);
    draft.push(60);
    expect(draft.foretell()).toBe(false);
  });

  it('goes on with a text that repeats itself, beyond its end', () => {
    const draft = new LookupDraft(64, 8);
    draft.begin([1, 2, 3, 1, 2, 3, 1, 2]);
    expect(foretold(draft, 8)).toEqual([3, 1, 2, 3, 1, 2, 3, 1]);
    expect(draft.foretell()).toBe(true);
  });

  it('goes on behind a token that an edit replaced, and stops where the text is another one', () => {
    const code = Array.from({ length: 40 }, (_, i) => 100 + i);
    const draft = new LookupDraft(128, 8);
    draft.begin([...code, 1]);
    for (const id of code.slice(0, 12)) draft.push(id);
    expect(foretold(draft, 2)).toEqual([112, 113]);
    draft.push(7);
    expect(foretold(draft, 3)).toEqual([113, 114, 115]);
    const resumed = draft.certainty;
    draft.push(113);
    expect(foretold(draft, 2)).toEqual([114, 115]);
    draft.push(8);
    draft.push(9);
    expect(foretold(draft, 2)).toEqual([116, 117]);
    for (const id of [10, 11]) draft.push(id);
    expect(draft.foretell()).toBe(false);
    for (const id of code.slice(4, 20)) draft.push(id);
    expect(foretold(draft, 2)).toEqual([120, 121]);
    expect(draft.certainty).toBeGreaterThan(resumed);
  });

  it('is more certain the longer the match', () => {
    const draft = new LookupDraft(64, 8);
    draft.begin([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 1, 2]);
    draft.foretell();
    const first = draft.certainty;
    draft.foretell();
    expect(draft.certainty).toBeGreaterThan(first);
    expect(draft.usualShares[draft.certainty]).toBeGreaterThan(draft.usualShares[first]);
  });

  it('finds what trying every place finds, in texts of few words, prompt and answer alike', () => {
    for (let seed = 1; seed <= 40; seed++) {
      const next = random(seed);
      const draft = new LookupDraft(300, 7);
      // Few enough places for each pair that none is left out.
      const text = Array.from({ length: 20 + seed }, () => Math.floor(next() * (6 + (seed % 20))));
      draft.begin(text);
      for (let i = 0; i < 100; i++) {
        expect(foretold(draft, 7)).toEqual(slowly(text, 7, 24));
        const id = Math.floor(next() * (6 + (seed % 20)));
        text.push(id);
        draft.push(id);
      }
    }
  });

  it('holds a whole context, and begins anew', () => {
    const draft = new LookupDraft(16, 4);
    for (let turn = 0; turn < 3; turn++) {
      draft.begin([1, 2]);
      expect(draft.foretell()).toBe(false);
      for (let i = 0; i < 15; i++) draft.push(1 + (i % 2));
      expect(foretold(draft, 4)).toHaveLength(4);
    }
  });
});
