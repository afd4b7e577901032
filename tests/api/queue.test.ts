import { describe, expect, it } from 'vitest';
import { Queue } from '../../dist/src/api/queue.js';
import { loadModel } from '../../dist/src/index.js';
import { keepBusy, PROMPT, TALES, withTales } from '../support/shipped.js';

const LONG = { maxTokens: 60, ignoreEos: true };

describe('a queue', () => {
  it('gives its places to the first, and a place that is left to the next', async () => {
    const queue = new Queue(2, Number.POSITIVE_INFINITY);
    const order: string[] = [];
    const tickets = ['a', 'b', 'c', 'd'].map((name) => {
      const ticket = queue.join();
      ticket.turn.then(() => order.push(name));
      return ticket;
    });
    expect(tickets.map(({ place }) => place)).toEqual([0, 0, 2, 3]);
    await Promise.all([tickets[0].turn, tickets[1].turn]);
    expect([order, queue.length]).toEqual([['a', 'b'], 2]);
    tickets[1].leave();
    await tickets[2].turn;
    expect([order, queue.length, tickets[3].place]).toEqual([['a', 'b', 'c'], 1, 2]);
  });

  it('forgets who leaves before the turn, and takes nothing twice', async () => {
    const queue = new Queue(1, Number.POSITIVE_INFINITY);
    const [first, second, third] = [queue.join(), queue.join(), queue.join()];
    second.leave();
    second.leave();
    expect([queue.length, third.place]).toEqual([1, 1]);
    first.leave();
    first.leave();
    await third.turn;
    third.leave();
    await queue.empty();
    expect(queue.join().place).toBe(0);
  });
});

describe('a call that runs alone', () => {
  it('waits for all that run, has nothing run beside it, and nobody passes it', async () => {
    const queue = new Queue(2, Number.POSITIVE_INFINITY);
    const order: string[] = [];
    const join = (name: string, alone = false) => {
      const ticket = queue.join(alone);
      ticket.turn.then(() => order.push(name));
      return ticket;
    };
    const a = join('a');
    const alone = join('alone', true);
    const b = join('b');
    const c = join('c');
    await a.turn;
    expect([order, alone.place, b.place]).toEqual([['a'], 1, 2]);
    a.leave();
    await alone.turn;
    expect(order).toEqual(['a', 'alone']);
    alone.leave();
    await Promise.all([b.turn, c.turn]);
    expect(order).toEqual(['a', 'alone', 'b', 'c']);
    const again = join('again', true);
    b.leave();
    // Who leaves the queue makes room for those behind.
    const d = join('d');
    expect([queue.length, d.place]).toEqual([2, 2]);
    again.leave();
    await d.turn;
    for (const ticket of [c, d]) ticket.leave();
    await queue.empty();
  });

  it('is refused where as many wait as may, though places are free', async () => {
    const queue = new Queue(2, 1);
    const first = queue.join();
    const alone = queue.join(true);
    expect(() => queue.join()).toThrow(expect.objectContaining({ code: 'BUSY' }));
    alone.leave();
    expect(queue.join().place).toBe(0);
    first.leave();
  });
});

describe('a model', () => {
  it('tells how many calls wait, and the place of each, and begins them in order', () =>
    withTales({ contextSize: 128 }, async (model) => {
      const begun: number[] = [];
      const start = (index: number) => model.generate(PROMPT, { maxTokens: 5, onStart: () => begun.push(index) });
      const generations = [0, 1, 2].map(start);
      expect(model.pending).toBe(2);
      expect(generations.map(({ place }) => place)).toEqual([0, 1, 2]);
      await generations[0].result;
      await Promise.all(generations.map(({ result }) => result));
      expect(begun).toEqual([0, 1, 2]);
      expect(model.pending).toBe(0);
      expect(generations.map(({ place }) => place)).toEqual([0, 0, 0]);
    }));

  it('is BUSY for more calls than may wait, and takes calls again later', () =>
    withTales({ contextSize: 128, maxQueue: 1 }, async (model) => {
      const { free } = keepBusy(model);
      const taken = model.generate(PROMPT, { maxTokens: 1 });
      const refused = { code: 'BUSY', details: { waiting: 1 }, message: expect.stringContaining('`maxQueue`') };
      await expect(model.generate(PROMPT).result).rejects.toMatchObject(refused);
      await expect(model.chat([{ role: 'user', content: 'x' }], { template: 'x' }).result).rejects.toMatchObject(
        refused,
      );
      await expect(model.logprobs([1, 2], 1)).rejects.toMatchObject(refused);
      await free();
      await taken.result;
      expect(await model.logprobs([1, 2], 1)).toHaveLength(2);
    }));

  it('with drain answers what it took, refuses what comes after, and is disposed of then', async () => {
    const model = await loadModel(TALES, { contextSize: 128 });
    const taken = [model.generate(PROMPT, LONG), model.generate(PROMPT, { maxTokens: 3 })];
    const disposed = model.dispose({ drain: true });
    await expect(model.generate(PROMPT).result).rejects.toMatchObject({ code: 'ABORTED' });
    expect((await Promise.all(taken.map(({ result }) => result))).map(({ endedBy }) => endedBy)).toEqual([
      'maxTokens',
      'maxTokens',
    ]);
    await Promise.all([disposed, model.closed]);
    await expect(model.tokenize('late')).rejects.toMatchObject({ code: 'ABORTED' });
  });

  it('ends what runs at once where a drain is not waited for', async () => {
    const model = await loadModel(TALES, { contextSize: 512 });
    const running = model.generate(PROMPT, { ignoreEos: true });
    const failed = expect(running.result).rejects.toMatchObject({ code: 'ABORTED' });
    const drained = model.dispose({ drain: true });
    await model.dispose();
    await Promise.all([failed, drained]);
  });
});
