import { DECODE, type Trace } from './trace.js';

/** Tokens that reuse less than this multiple of chance are independent: the last token says nothing about the next. */
const CHANCE = 1.2;
/** Where a token uses more than this share of all units, there is nothing to foretell. */
const DENSE_SHARE = 0.9;

/** What the generated tokens of a trace have in common. */
export interface TraceReuse {
  /** The share of all units that a generated token asks for. */
  activeShare: number;
  /** The share of these that the token before asked for, too; null with fewer than two tokens. */
  reuse: number | null;
  /**
   * Whether tokens ask independently of each other and without favourites. Every cache then hits with capacity / total,
   * so that such a trace can judge no policy.
   */
  independent: boolean;
}

/** Says how much the generated tokens of a trace have in common. */
export function reuseOf(trace: Trace): TraceReuse {
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
