import { describe, expect, it } from 'vitest';
import { Sequences } from '../../../dist/src/engine/state/sequences.js';

/** Runs prompts as the engine does; every answer is two tokens, of which the last one is not held. */
class Held {
  readonly sequences: Sequences;
  constructor(count: number) {
    this.sequences = new Sequences(count);
  }

  run(prompt: number[], answer: number[] = [], key: string | null = null) {
    const { sequence, copied, common } = this.sequences.choose(prompt, key);
    this.sequences.take(sequence);
    sequence.busy = false;
    const { length } = sequence.ids;
    sequence.ids.splice(0, length, ...prompt.slice(0, common));
    this.sequences.prompt(sequence, prompt.length);
    sequence.ids.push(...prompt.slice(common), ...answer.slice(0, -1));
    return { index: sequence.index, copied: copied?.index ?? null, common };
  }
}

const tokens = (count: number, first: number) => Array.from({ length: count }, (_, i) => first + i);
const SYSTEM = tokens(100, 0);

describe('sequences', () => {
  it('keep two conversations in turn, with a system prompt in common', () => {
    const held = new Held(2);
    const conversations = [
      [...SYSTEM, ...tokens(20, 1000)],
      [...SYSTEM, ...tokens(30, 2000)],
    ];
    const begun = conversations.map((prompt, i) => held.run(prompt, tokens(9, 5000 + 1000 * i)));
    expect(begun).toEqual([
      { index: 0, copied: null, common: 0 },
      { index: 1, copied: 0, common: 100 },
    ]);
    for (let turn = 1; turn < 5; turn++)
      for (const [i, prompt] of conversations.entries()) {
        const before = prompt.length;
        prompt.push(...tokens(9, (turn === 1 ? 5000 : 7000 + turn * 10) + 1000 * i), ...tokens(7, turn * 40));
        const answer = tokens(9, 7000 + (turn + 1) * 10 + 1000 * i);
        expect(held.run(prompt, answer)).toEqual({ index: i, copied: null, common: before + 8 });
      }
  });

  it('take the place of the one that was used longest ago', () => {
    const held = new Held(3);
    for (const first of [1000, 2000, 3000]) held.run([...SYSTEM, ...tokens(20, first)], [1, 2]);
    held.run([...SYSTEM, ...tokens(20, 1000), 1, 2, 3, 4], [5, 6]);
    expect(held.run([...SYSTEM, ...tokens(20, 4000)], [1, 2])).toMatchObject({ index: 1, common: 100 });
    expect(held.run(tokens(50, 9000), [1, 2])).toEqual({ index: 2, copied: null, common: 0 });
    expect(held.run([...SYSTEM, ...tokens(20, 1000), 1, 2, 3, 4, 5, 6, 7], [8])).toMatchObject({
      index: 0,
      common: 125,
    });
  });

  it('stay with a conversation whose last turn is edited, or told again', () => {
    const held = new Held(2);
    const first = [...SYSTEM, ...tokens(20, 1000)];
    held.run(tokens(60, 8000), [1, 2]);
    held.run(first, tokens(10, 1));
    const second = [...first, ...tokens(10, 1), ...tokens(12, 500)];
    expect(held.run(second, tokens(30, 1))).toEqual({ index: 1, copied: null, common: 129 });
    expect(held.run(second, tokens(30, 2))).toEqual({ index: 1, copied: null, common: 141 });
    const edited = [...first, ...tokens(10, 1), ...tokens(5, 500), ...tokens(9, 700)];
    expect(held.run(edited, [1, 2])).toEqual({ index: 1, copied: null, common: 135 });
    // The first conversation was not touched.
    expect(held.run([...tokens(60, 8000), 1, 2, 3], [])).toMatchObject({ index: 0, common: 61 });
  });

  it('go by the key of a conversation, where one is given', () => {
    const held = new Held(2);
    expect(held.run([...SYSTEM, 1], [2, 3], 'a')).toMatchObject({ index: 0 });
    expect(held.run([...SYSTEM, 1], [2, 3], 'b')).toEqual({ index: 1, copied: 0, common: 100 });
    expect(held.run([7, 8, 9], [], 'a')).toEqual({ index: 0, copied: null, common: 0 });
    expect(held.run([...SYSTEM, 1, 2, 3, 4], [], 'c')).toMatchObject({ index: 1, common: 102 });
    expect(held.run([...SYSTEM, 5, 6], [], 'a')).toEqual({ index: 0, copied: 1, common: 100 });
  });

  it('give a score the place of the one that was used longest ago', () => {
    const held = new Held(2);
    held.run(SYSTEM, [1, 2]);
    expect(held.sequences.oldest().index).toBe(1);
    held.run(tokens(9, 700), [1, 2]);
    expect(held.sequences.oldest().index).toBe(0);
  });

  it('with one sequence all go on with it', () => {
    const held = new Held(1);
    held.run(SYSTEM, [1, 2], 'a');
    expect(held.run([...SYSTEM.slice(0, 40), 5], [1, 2], 'b')).toEqual({ index: 0, copied: null, common: 40 });
  });
});
