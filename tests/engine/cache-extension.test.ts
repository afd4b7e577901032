import { afterAll, beforeAll, expect, it } from 'vitest';
import { HeldParts } from '../../dist/src/dense/held-parts.js';
import type { Engine } from '../../dist/src/engine/engine.js';
import { createEngine, type LoadedParts, loadParts } from '../../dist/src/engine/load-parts.js';
import { Ledger } from '../../dist/src/engine/rounds/ledger.js';
import { memoryLeft } from '../../dist/src/plan/memory-left.js';
import { storeOutline } from '../../dist/src/plan/outline.js';
import { planOutline } from '../../dist/src/plan/plan-outline.js';
import { openStore, type Store } from '../../dist/src/store/reader.js';
import { prepare } from '../../dist/src/worker/file-work.js';
import { TALES } from '../support/shipped.js';

/*
 * The shipped model with all rows streamed, beside a draft of a made-up size. Logits without any extension are the
 * measure.
 */

const IDS = [5, 6, 7, 8, 9, 10];
let store: Store;
beforeAll(async () => {
  const prepared = await prepare({ source: TALES, options: {} }, new AbortController().signal, () => {});
  store = openStore(prepared.store);
});

const plan = (memory: number, draftBytes: number) =>
  planOutline(
    storeOutline(store),
    { memory, contextSize: 64, draft: 'off', tuning: { selector: 'all', cache: 'pin' } },
    memoryLeft(),
    { model: 'made up', overheadBytes: 0, bytesFor: () => draftBytes },
  );

/** Budgets in which much streams: all of the rows, and some matrices as well. */
const least = () => plan(1, 0).plan.minimumBytes;
const held = new HeldParts();
afterAll(() => held.dispose());

/** The logits after each of the ids. */
async function logits(engine: Engine): Promise<number[][]> {
  const lane = engine.lanes.begin({ aborted: () => false, account: null });
  const all: number[][] = [];
  for (const id of IDS) {
    await lane.decode(id);
    all.push([...lane.logits()]);
  }
  lane.end();
  return all;
}

function readBytes({ stream }: LoadedParts): number {
  const counters = new Float64Array(6);
  stream.counters(counters);
  return counters[0];
}

it.each([
  [0.1e6, 0.4e6],
  [0.1e6, 1.5e6],
  [3.2e6, 0.6e6],
  [3.2e6, 20e6],
])(
  '%d bytes above the least, slots for %d bytes come and go: the same logits, fewer bytes',
  async (more, draftBytes) => {
    const planned = plan(least() + draftBytes + more, draftBytes);
    const { lent, layers } = planned.allocation;
    expect(planned.plan.fits).toBe(true);
    expect(lent!.arenaBytes).toBeLessThanOrEqual(draftBytes);
    expect(lent!.layers.every(({ slots }, i) => slots + layers[i].slots <= layers[i].unit.units)).toBe(true);
    const parts = await loadParts(
      store,
      planned,
      held,
      () => false,
      () => {},
    );
    const { stream, denseTime, feedForward } = parts;
    const ledger = new Ledger({ stream, denseTime, cacheCounts: feedForward.counts });
    const engine = createEngine(store, planned, parts, { ledger, sessions: null, given: null });
    const right = await logits(engine);
    const measure = async () => {
      expect(await logits(engine)).toEqual(right);
      const before = readBytes(parts);
      expect(await logits(engine)).toEqual(right);
      return (readBytes(parts) - before) / IDS.length;
    };
    const without = await measure();
    for (let turn = 0; turn < 2; turn++) {
      await parts.extension!.take(() => {});
      const extended = await measure();
      // What a ring reads ahead is counted when it is used.
      expect(without - extended).toBeCloseTo(lent!.savedBytes, -3);
      await parts.extension!.giveBack(() => {});
      expect(await measure()).toBe(without);
    }
  },
);

it('there are none where all is in memory, or nothing is let go', () => {
  expect(plan(64e6, 1e6).allocation.lent).toBeNull();
  expect(plan(least(), 0).allocation.lent).toBeNull();
});
