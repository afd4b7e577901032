import { describe, expect, it } from 'vitest';
import { Rounds, Work } from '../../../dist/src/engine/rounds/rounds.js';

/** Calls of an engine that writes down its passes, as [sequence, position, tokens] of each part. */
class Calls {
  readonly passes: [number, number, number][][] = [];
  /** Called in the middle of a pass. */
  meanwhile: (pass: number) => void = () => {};
  readonly #rounds: Rounds;
  readonly #works = new Map<number, Work>();
  readonly aborted = new Set<number>();

  constructor(limits: { tokens?: number; logitRows?: number; calls?: number } = {}) {
    const alone = { wholePictures: false, gridPositions: false };
    this.#rounds = new Rounds({ tokens: 16, logitRows: 8, calls: 8, ...alone, ...limits }, async (pass) => {
      const parts = pass.parts.map(({ sequence, position, tokens }): [number, number, number] => [
        sequence,
        position,
        tokens,
      ]);
      this.passes.push(parts);
      for (const part of pass.parts)
        expect([...pass.positions.subarray(part.row, part.row + part.tokens)]).toEqual(
          Array.from({ length: part.tokens }, (_, i) => part.position + i),
        );
      this.meanwhile(this.passes.length);
      for (const part of pass.parts) if (this.aborted.has(part.sequence)) part.drop();
      for (const { dropped, held, tokens } of pass.parts)
        if (!dropped) for (let i = 0; i < tokens; i++) held.ids.push(7);
    });
  }

  /** Runs `tokens` tokens of a sequence: as a prompt, or in one pass, with that many rows of logits. */
  run(sequence: number, tokens: number, { prompt = false, wanted = 1 } = {}): Promise<void> {
    let work = this.#works.get(sequence);
    if (!work) {
      const held = { index: sequence, ids: [], key: null, turn: 0, prompt: 0, used: 0, busy: true };
      work = new Work(held, { aborted: () => this.aborted.has(sequence), account: null });
      this.#works.set(sequence, work);
    }
    work.ids = new Array<number>(tokens).fill(7);
    work.done = 0;
    work.inPieces = prompt;
    work.wanted = wanted;
    return this.#rounds.do(work);
  }

  async decode(sequence: number, count: number): Promise<void> {
    for (let i = 0; i < count; i++) await this.run(sequence, 1);
  }
}

const outcome = (work: Promise<void>) =>
  work.then(
    () => 'done',
    (error) => error.code ?? error.message,
  );

describe('rounds', () => {
  it('run all that decode in one pass, from the second on', async () => {
    const calls = new Calls();
    await Promise.all([calls.decode(0, 3), calls.decode(1, 2), calls.decode(2, 3)]);
    // Whoever comes first does not wait.
    expect(calls.passes).toEqual([
      [[0, 0, 1]],
      [
        [1, 0, 1],
        [2, 0, 1],
        [0, 1, 1],
      ],
      [
        [1, 1, 1],
        [2, 1, 1],
        [0, 2, 1],
      ],
      [[2, 2, 1]],
    ]);
  });

  it('give a prompt the room that a pass has left, so that nobody waits longer than a pass', async () => {
    const calls = new Calls();
    await Promise.all([calls.decode(0, 4), calls.run(1, 40, { prompt: true }), calls.decode(2, 3)]);
    expect(calls.passes.slice(1)).toEqual([
      [
        [2, 0, 1],
        [0, 1, 1],
        [1, 0, 14],
      ],
      [
        [2, 1, 1],
        [0, 2, 1],
        [1, 14, 14],
      ],
      [
        [2, 2, 1],
        [0, 3, 1],
        [1, 28, 12],
      ],
    ]);
  });

  it('have prompts take turns', async () => {
    const calls = new Calls();
    await Promise.all([1, 2, 3].map((sequence) => calls.run(sequence, 40, { prompt: true })));
    const firsts = calls.passes.map(([[sequence]]) => sequence);
    expect(firsts.slice(0, 6)).toEqual([1, 2, 3, 1, 2, 3]);
    // What one of them leaves of a pass is the next one's.
    expect(calls.passes.every((parts) => parts.reduce((sum, [, , tokens]) => sum + tokens, 0) <= 16)).toBe(true);
    expect(calls.passes).toHaveLength(Math.ceil(120 / 16));
  });

  it('leave a prompt its share, however many decode', async () => {
    const calls = new Calls({ tokens: 8, logitRows: 16 });
    const decoding = Array.from({ length: 12 }, (_, sequence) => calls.decode(sequence, 4));
    await Promise.all([...decoding, calls.run(20, 6, { prompt: true })]);
    const withPrompt = calls.passes.filter((parts) => parts.some(([sequence]) => sequence === 20));
    expect(withPrompt.map((parts) => parts.find(([sequence]) => sequence === 20)![2])).toEqual([2, 2, 2]);
    // Those that found no room in a pass are first in the next one: none falls behind the others.
    for (let pass = 1; pass < calls.passes.length - 4; pass++) {
      const waiting = calls.passes.slice(0, pass + 4).flatMap((parts) => parts.map(([sequence]) => sequence));
      const counts = Array.from({ length: 12 }, (_, of) => waiting.filter((sequence) => sequence === of).length);
      expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(2);
    }
  });

  it('take what wants several rows of logits whole, and no more rows than there are', async () => {
    const calls = new Calls({ logitRows: 8 });
    await Promise.all([
      calls.decode(0, 2),
      calls.run(1, 5, { wanted: 5 }),
      calls.run(2, 3, { wanted: 3 }),
      calls.run(3, 4, { wanted: 4 }),
      calls.run(4, 3, { prompt: true }),
    ]);
    expect(calls.passes[1]).toEqual([
      [1, 0, 5],
      [2, 0, 3],
      // The prompt's last token would need a row of its own.
      [4, 0, 2],
    ]);
    expect(calls.passes[2]).toEqual([
      [3, 0, 4],
      [0, 1, 1],
      [4, 2, 1],
    ]);
  });

  it('refuse what no pass has room for', async () => {
    const calls = new Calls({ tokens: 16, logitRows: 8 });
    await expect(calls.run(0, 9, { wanted: 9 })).rejects.toThrow(RangeError);
    expect(await outcome(calls.run(0, 8, { wanted: 8 }))).toBe('done');
  });

  it('let others begin between two passes', async () => {
    const calls = new Calls();
    let late: Promise<void> | null = null;
    setTimeout(() => {
      late = calls.decode(1, 1);
    }, 0);
    // Without an end of its own: it goes on until the other one has had its turn.
    let decoded = 0;
    while (late === null || calls.passes.every((parts) => parts.every(([sequence]) => sequence === 0))) {
      await calls.decode(0, 1);
      decoded++;
    }
    await late;
    expect(calls.passes.some((parts) => parts.length === 2)).toBe(true);
    expect(decoded).toBeGreaterThan(0);
  });

  it('end who was aborted, in a pass or before one, and nobody else', async () => {
    const calls = new Calls();
    calls.meanwhile = (pass) => {
      if (pass === 3) calls.aborted.add(1);
      if (pass === 5) calls.aborted.add(3);
    };
    const work = [calls.decode(0, 8), calls.decode(1, 8), calls.decode(2, 8), calls.run(3, 200, { prompt: true })];
    expect(await Promise.all(work.map(outcome))).toEqual(['done', 'ABORTED', 'done', 'ABORTED']);
    const count = (of: number) => calls.passes.flat().filter(([sequence]) => sequence === of).length;
    expect([count(0), count(1), count(2)]).toEqual([8, 2, 8]);
    expect(await outcome(calls.run(1, 1))).toBe('ABORTED');
  });

  it('fail who was part of a pass that failed, and nobody else', async () => {
    const calls = new Calls();
    let waiting: Promise<string> | null = null;
    calls.meanwhile = (pass) => {
      if (pass !== 2) return;
      waiting = outcome(calls.run(5, 1));
      throw new Error('no disk');
    };
    const work = [calls.decode(0, 5), calls.decode(1, 5), calls.run(2, 30, { prompt: true })].map(outcome);
    expect(await Promise.all(work)).toEqual(['no disk', 'no disk', 'no disk']);
    expect(await waiting).toBe('done');
    // They may ask again.
    expect(await outcome(calls.decode(0, 1))).toBe('done');
  });
});
