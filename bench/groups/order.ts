/**
 * The share of the neurons that is set apart: those used most. They wake together with all others, so that they tell
 * nothing about neighbours.
 */
const HOT_SHARE = 0.1;

/**
 * An order of a layer's units in which units that wake together lie together. It is learnt from the units of each
 * token. The hot units come first. The others make a greedy chain: each time the unit follows that woke most often with
 * the last one (as in Ripple, arXiv 2410.19274). Returns the place of each unit.
 */
export function coActivationOrder(tokens: readonly ArrayLike<number>[], units: number): Uint32Array {
  const uses = new Uint32Array(units);
  const together = new Uint16Array(units * units);
  for (const set of tokens) {
    for (let i = 0; i < set.length; i++) {
      uses[set[i]] += 1;
      for (let j = 0; j < set.length; j++) together[set[i] * units + set[j]] += 1;
    }
  }
  const byUse = Uint32Array.from(uses.keys()).sort((a, b) => uses[b] - uses[a] || a - b);
  const hot = Math.floor(HOT_SHARE * units);
  const place = new Uint32Array(units);
  const placed = new Uint8Array(units);
  let next = 0;
  const put = (unit: number) => {
    place[unit] = next++;
    placed[unit] = 1;
  };
  for (let i = 0; i < hot; i++) put(byUse[i]);
  for (let i = hot, last = -1; i < units; i++) {
    let best = -1;
    for (const unit of byUse) {
      if (placed[unit]) continue;
      if (best < 0 || (last >= 0 && together[last * units + unit] > together[last * units + best])) best = unit;
    }
    put(best);
    last = best;
  }
  return place;
}
