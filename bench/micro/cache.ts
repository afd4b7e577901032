import { type CacheOptions, createCache } from '../../src/cache/create-cache.js';
import { createPlacement } from '../../src/cache/unit-cache.js';
import type { Row } from '../table.js';
import { type Group, medianMs } from './group.js';

/** A layer of a 7B model with 10% of its neurons active, and a fifth of them in memory. */
const UNITS = 11008;
const SLOTS = 2200;
const LOOKUPS = 1100;

export const cache: Group = {
  title: 'cache',
  note: `BundleCache.place of ${LOOKUPS} units of ${UNITS}, ${SLOTS} slots, half of them misses (pin: the share that is not pinned).`,
  async measure({ wanted }) {
    const rows: Row[] = [];
    for (const policy of ['lru', 'window', 'pin'] as const) {
      if (!wanted(policy)) continue;
      rows.push(await measurePolicy(policy));
    }
    return rows;
  },
};

async function measurePolicy(policy: CacheOptions['policy']): Promise<Row> {
  const books = createCache({ units: UNITS, slots: SLOTS, policy, window: 2 });
  const placement = createPlacement(UNITS);
  const asked = tokens(policy === 'pin' ? Math.floor(books.capacity) : LOOKUPS);
  let token = 0;
  let looked = 0;
  let missed = 0;
  const place = () => {
    const units = asked[token++ % asked.length];
    books.place(units, units.length, placement);
    books.endToken();
    return units.length;
  };
  // Once round before anything is counted: an empty cache misses more, by a share that hangs on the number of tokens.
  while (token < asked.length) place();
  const ms = await medianMs(() => {
    looked += place();
    missed += placement.missed;
  });
  const lookups = asked[0].length;
  return {
    policy,
    lookups,
    'missed %': (100 * missed) / looked,
    'us per token': 1e3 * ms,
    'ns per lookup': (1e6 * ms) / lookups,
  };
}

/** Each token asks for half of the units of the last token, and for as many others that are no longer in memory. */
function tokens(lookups: number): Uint32Array[] {
  const half = lookups >> 1;
  const steps = Math.floor(UNITS / half);
  return Array.from({ length: steps }, (_, step) =>
    Uint32Array.from({ length: lookups }, (_, i) => (step * half + i) % (steps * half)).sort(),
  );
}
