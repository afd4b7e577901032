import { expect, it } from 'vitest';
import { FairQueue } from '../../dist/src/server/fair-queue.js';

/** Lets promises settle. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

it('clients take turns, each in the order of its requests', async () => {
  const queue = new FairQueue(1, 10);
  const order: string[] = [];
  const leaves = new Map<string, () => void>();
  const join = (client: string, name: string) => {
    const { turn, leave } = queue.join(client);
    leaves.set(name, leave);
    void turn.then(() => order.push(name));
  };
  for (const [client, name] of [
    ['a', 'a1'],
    ['a', 'a2'],
    ['a', 'a3'],
    ['b', 'b1'],
    ['c', 'c1'],
    ['b', 'b2'],
  ])
    join(client, name);
  for (let index = 0; index < 6; index++) {
    await settled();
    leaves.get(order[index])!();
  }
  // a1 runs at once; of those that wait, a, b and c go round.
  expect(order).toEqual(['a1', 'a2', 'b1', 'c1', 'a3', 'b2']);
  expect([queue.running, queue.waiting]).toEqual([0, 0]);
});

it('who leaves while waiting is passed over, and leaving twice frees one place', async () => {
  const queue = new FairQueue(1, 10);
  const first = queue.join('a');
  const second = queue.join('b');
  const third = queue.join('c');
  second.leave();
  second.leave();
  expect(queue.waiting).toBe(1);
  first.leave();
  first.leave();
  await third.turn;
  expect([queue.running, queue.waiting]).toEqual([1, 0]);
});

it('a full queue is 429 with the time to come again', () => {
  const queue = new FairQueue(1, 1);
  queue.join('a');
  queue.join('a');
  expect(() => queue.join('b')).toThrowError(
    expect.objectContaining({ refusal: expect.objectContaining({ status: 429, headers: { 'retry-after': '2' } }) }),
  );
});

it('a place that is free may be taken besides, where nobody waits', async () => {
  const queue = new FairQueue(2, 1);
  const { leave } = queue.join('a');
  const leaveFree = queue.takeFree()!;
  expect([queue.takeFree(), queue.running]).toEqual([null, 2]);
  const second = queue.join('b');
  leaveFree();
  await second.turn;
  expect([queue.takeFree(), queue.running, queue.waiting]).toEqual([null, 2, 0]);
  leave();
  second.leave();
  expect(queue.running).toBe(0);
});
