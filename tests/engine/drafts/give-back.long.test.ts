import { expect, it } from 'vitest';
import type { createSpeculation } from '../../../dist/src/engine/drafts/create-speculation.js';
import { Speculation } from '../../../dist/src/engine/drafts/speculation.js';
import type { PlanOptions } from '../../../dist/src/plan/model-options.js';
import { prepare } from '../../../dist/src/worker/file-work.js';
import { DraftingHost } from '../../support/drafting-host.js';
import { TALES } from '../../support/shipped.js';

/*
 * The shipped model drafts for itself, with all of its rows streamed. Its memory goes to the cache and comes back by a
 * script. The text without drafts is the measure.
 */

const PROMPT = [5, 6, 7, 8, 9, 10, 11, 12, 13, 14];
/** The draft does not go by a script. */
const ANY = { right: [], accuracy: 1, seed: 1, most: 7 };
const SETTINGS = { maxTokens: 40, temperature: 0.6, seed: 5 };

/** Moves the memory before these passes, and has two tokens foretold where the draft is there. */
function scripted(moves: ReadonlySet<number>): typeof createSpeculation {
  return (_selector, _settings, _spec, { drafting }) => {
    expect(drafting!.rentShare).toBeGreaterThan(0.05);
    expect(drafting!.rentShare).toBeLessThanOrEqual(1);
    let passes = 0;
    let foretold = 0;
    let wanted = 0;
    const governor = {
      begin: () => {},
      affordable: (all: number) => all,
      caughtUp: () => {},
      get givesBack() {
        return moves.has(passes);
      },
      gaveBack: () => {},
      rested: () => {},
      watched: () => {},
      takes: () => moves.has(passes),
      took: () => {},
      open: (most: number) => {
        passes++;
        foretold = 0;
        wanted = Math.min(2, most);
      },
      asks: () => foretold < wanted,
      foretold: () => void foretold++,
      close: () => foretold,
      chosen: 0,
      place: (index: number) => index,
      rank: () => 0,
      ran: () => {},
      seen: () => {},
    };
    return new Speculation({ sources: [drafting!.source], governor, memory: drafting });
  };
}

async function host(moves: readonly number[], options: PlanOptions) {
  const { store } = await prepare({ source: TALES, options: {} }, new AbortController().signal, () => {});
  return DraftingHost.open(
    TALES,
    { contextSize: 128, draft: { model: TALES, store }, ...options },
    scripted(new Set(moves)),
  );
}

const pinned: PlanOptions = { tuning: { selector: 'all', cache: 'pin' } };

it.each([[[]], [[1]], [[3, 6]], [[2, 3, 4, 5, 6, 7]]])(
  'the memory of a draft moves before passes %j: the same text, within the budget',
  async (moves) => {
    const probe = await host([], { ...pinned, memory: '20MB' });
    const { minimumBytes } = probe.plan;
    await probe.dispose();
    const memory = minimumBytes + 400_000;
    const model = await host(moves, { ...pinned, memory });
    try {
      const drafted = await model.write(PROMPT, SETTINGS, ANY);
      const isLetGo = moves.length % 2 === 1;
      expect(drafted.receipt.draftBytes).toBe(isLetGo ? 0 : model.plan.draftBytes);
      expect(drafted.receipt.memoryBytes).toBeLessThanOrEqual(memory);
      // An answer that no draft takes part in leaves the memory to the cache, which holds more of the rows then.
      const plain = await model.write(PROMPT, SETTINGS, null);
      expect(plain.tokens).toEqual(drafted.tokens);
      expect(plain.receipt.draftBytes).toBe(0);
      expect(plain.receipt.memoryBytes).toBeLessThanOrEqual(memory);
      if (!isLetGo) expect(plain.receipt.cacheBytes).toBeGreaterThan(drafted.receipt.cacheBytes);
      const later = await model.write(PROMPT, SETTINGS, null);
      expect(later.tokens).toEqual(drafted.tokens);
      const held = model.plan.bytesPerToken * (later.tokens.length - 1);
      expect(later.receipt.payloadBytesRead.decode).toBeLessThan(0.95 * held);
    } finally {
      await model.dispose();
    }
  },
);
