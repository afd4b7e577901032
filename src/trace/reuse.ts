import { DECODE, type Trace } from './trace.js';

/** Below this, as a multiple of chance, what the last token used says nothing about the next. */
const CHANCE = 1.2;
/** Nearly everything is used by every token: nothing to foretell. */
const DENSE_SHARE = 0.9;

export interface Reuse {
  /** Units that a generated token asks for, as a share of all. */
  activeShare: number;
  /** Share of those that the token before asked for as well; null with fewer than two tokens. */
  reuse: number | null;
  /**
   * Tokens ask independently of each other and without favourites. Every cache then hits with capacity / total: no
   * policy is to be judged on such a trace.
   */
  independent: boolean;
}

/** How much the generated tokens of a trace have in common. */
export function reuseOf(trace: Trace): Reuse {
  const total = trace.layers.reduce((sum, { units }) => sum + units, 0);
  const lastUse = trace.layers.map(({ units }) => new Int32Array(units).fill(-2));
  let token = 0;
  let asked = 0;
  let couldReuse = 0;
  let reused = 0;
  for (const { phase, units } of trace.passes) {
    if (phase !== DECODE) continue;
    for (let layer = 0; layer < units.length; layer++) {
      const last = lastUse[layer];
      for (const unit of units[layer]) {
        if (last[unit] === token - 1) reused += 1;
        last[unit] = token;
      }
      asked += units[layer].length;
      if (token > 0) couldReuse += units[layer].length;
    }
    token += 1;
  }
  const activeShare = asked / (token * total);
  const reuse = couldReuse === 0 ? null : reused / couldReuse;
  return {
    activeShare,
    reuse,
    independent: reuse !== null && activeShare < DENSE_SHARE && reuse < CHANCE * activeShare,
  };
}
