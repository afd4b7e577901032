import { type Placement, type UnitCache, waveSize } from '../../cache/unit-cache.js';

/** Asks one of the engine's caches as the engine does: what does not fit at once goes in waves. Returns how many units had to be read. */
export function useInWaves(
  cache: UnitCache,
  units: Uint32Array,
  placement: Placement,
  tokens?: Uint32Array | null,
): number {
  const wave = waveSize(units.length, cache.capacity);
  let missed = 0;
  for (let from = 0; from < units.length; from += wave) {
    const asked = units.subarray(from, from + wave);
    cache.place(asked, asked.length, placement, tokens?.subarray(from, from + wave));
    missed += placement.missed;
  }
  return missed;
}
