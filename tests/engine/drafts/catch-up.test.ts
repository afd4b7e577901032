import { expect, it } from 'vitest';
import type { DraftSource } from '../../../dist/src/draft/draft-source.js';
import { Speculation } from '../../../dist/src/engine/drafts/speculation.js';

/** A draft that foretells 7, and that left out the beginning of the text; it notes what it is asked for. */
class Noting implements DraftSource {
  readonly name = 'model';
  readonly usualShares = [1];
  readonly tokenMs = 1;
  readonly catchUpMs = 1;
  readonly isReady = true;
  readonly lacking = 0;
  readonly leftOut = 30;
  readonly certainty = 0;
  readonly id = 7;
  readonly asked: string[] = [];
  begin(): void {}
  end(): void {}
  push(): void {}
  async foretell(): Promise<boolean> {
    this.asked.push('foretell');
    return true;
  }
  async catchUp(): Promise<number> {
    this.asked.push('catch up');
    return 30;
  }
}

it('a draft reads what it left out before it foretells, and never between two tokens that it foretold', async () => {
  const source = new Noting();
  let foretold = 0;
  // There is time for all from the second token on: what was foretold hangs on the state as it is.
  const governor = {
    begin: () => {},
    affordable: (wanted: number) => (foretold > 0 ? wanted : 0),
    caughtUp: () => {},
    open: () => {},
    asks: () => foretold < 3,
    foretold: () => void foretold++,
    close: () => 3,
    chosen: 0,
    place: (index: number) => index,
    rank: () => 0,
    ran: () => {},
    seen: () => {},
    givesBack: false,
    gaveBack: () => {},
    rested: () => {},
    watched: () => {},
    takes: () => false,
    took: () => {},
  };
  const speculation = new Speculation({ sources: [source], governor, now: () => 0 });
  speculation.begin([1, 2, 3], 0, () => false);
  expect((await speculation.pass(5, null, 8)).ids).toEqual([5, 7, 7, 7]);
  expect(source.asked).toEqual(['foretell', 'foretell', 'foretell']);
});
