import { FlashrowError } from '../../src/errors.js';
import { DECODE, type Trace, type TraceLayer } from '../../src/trace/trace.js';

/** How neurons fire, in shares of a layer. */
export interface ActivityStatistics {
  /** Neurons that a token asks for. */
  activeShare: number;
  /** The busiest neurons, which make up 80% of all uses. 0.8 would mean that there are no favourites. */
  hotShare: number;
  /** Tokens that the next two figures look back over. */
  window: number;
  /** Neurons that any of `window` tokens in a row asks for. */
  windowUnion: number;
  /** Neurons that a token asks for, and that none of the `window` tokens before it asked for. */
  newPerToken: number;
}

/**
 * OPT-6.7B as its predictor loads it: share, union and new rows from "LLM in a flash" (arXiv 2312.11514), skew from the
 * middle of the 17-26% that PowerInfer (arXiv 2312.12456) found.
 */
export const OPT_6_7B: ActivityStatistics = {
  activeShare: 0.1,
  hotShare: 0.22,
  window: 5,
  windowUnion: 0.24,
  newPerToken: 0.024,
};

export interface ActivityOptions {
  statistics: ActivityStatistics;
  layers: readonly TraceLayer[];
  tokens: number;
  /** Uniform in [0, 1). */
  random: () => number;
}

/**
 * A neuron is a two-state Markov chain that is active a share p of the time. It keeps its state the more, the larger
 * `staying` p^`lean` is.
 */
interface Process {
  shares: Float64Array;
  staying: number;
  lean: number;
}

/** Shares of neurons are drawn from this many quantiles. */
const QUANTILES = 1000;
/** Neurons that keep their state more than this would hardly ever change. */
const MOST_STAYING = 0.98;
/** The published figures have two digits, so newPerToken is met to this share of itself. */
const TOLERANCE = 0.02;
const HALVINGS = 30;

/**
 * A trace of neurons that fire with given statistics. There are favourites: shares follow a Kumaraswamy distribution,
 * whose quantiles have a closed form. And neurons stay active for a while, busy ones longer. Throws BAD_USAGE where no
 * such process has these statistics, and where they are those of tokens that draw independently: such a trace cannot
 * judge a cache.
 */
export function generateActivity({ statistics, layers, tokens, random }: ActivityOptions): Trace {
  const process = fit(statistics);
  const neurons = layers.map(({ units }) => {
    const shares = Float64Array.from({ length: units }, () => process.shares[Math.floor(random() * QUANTILES)]);
    return { shares, active: Uint8Array.from(shares, (share) => Number(random() < share)) };
  });
  const passes = Array.from({ length: tokens }, () => ({
    phase: DECODE as typeof DECODE,
    tokens: 1,
    units: neurons.map(({ shares, active }) => {
      const fired: number[] = [];
      for (let unit = 0; unit < shares.length; unit++) {
        const turnsOn = shares[unit] * (1 - clinging(process, shares[unit]));
        const staysOn = turnsOn + clinging(process, shares[unit]);
        active[unit] = Number(random() < (active[unit] ? staysOn : turnsOn));
        if (active[unit]) fired.push(unit);
      }
      return Uint32Array.from(fired);
    }),
  }));
  return { model: 'generated activity', selector: 'generated', layers: [...layers], passes, tornBytes: 0 };
}

const clinging = ({ staying, lean }: Process, share: number) => staying * share ** lean;

/**
 * Finds the process. The skew gives the shares; then staying meets the union for every lean, and lean meets the new
 * neurons per token.
 */
function fit(statistics: ActivityStatistics): Process {
  const { activeShare, hotShare, window, windowUnion, newPerToken } = statistics;
  const sensible =
    activeShare > 0 && activeShare < windowUnion && windowUnion < 1 && newPerToken > 0 && Number.isInteger(window);
  if (!sensible || window < 2 || !(hotShare > 0 && hotShare < 0.8))
    throw refused(
      statistics,
      'shares lie between 0 and 1, the union above the active share, and the hot share below 0.8',
    );
  const shares = skewedShares(activeShare, hotShare);
  if (windowUnion >= measure({ shares, staying: 0, lean: 0 }, window).union) {
    const why =
      'with this skew, tokens that draw independently of each other share as much: that is no basis for judging caches';
    throw refused(statistics, why);
  }
  const withLean = (lean: number): Process => {
    const staying = bisect(0, 1, (value) => measure({ shares, staying: value, lean }, window).union > windowUnion);
    return { shares, staying, lean };
  };
  const lean = bisect(0, 2, (value) => {
    const process = withLean(value);
    return process.staying < MOST_STAYING && measure(process, window).fresh < newPerToken;
  });
  const process = withLean(lean);
  const { fresh } = measure(process, window);
  if (process.staying > MOST_STAYING || Math.abs(fresh / newPerToken - 1) > TOLERANCE) {
    throw refused(statistics, `with this skew and union the nearest newPerToken is ${fresh.toFixed(4)}`);
  }
  return process;
}

/** Quantiles of a Kumaraswamy distribution with a given mean. The largest `hotShare` of them make up 80% of the sum. */
function skewedShares(mean: number, hotShare: number): Float64Array {
  const withShape = (a: number) => {
    const b = bisect(-10, 20, (exponent) => meanOf(quantiles(a, Math.exp(exponent))) > mean);
    return quantiles(a, Math.exp(b));
  };
  return withShape(Math.exp(bisect(-4, 4, (exponent) => hotShareOf(withShape(Math.exp(exponent))) < hotShare)));
}

/** Descending. */
const quantiles = (a: number, b: number) =>
  Float64Array.from({ length: QUANTILES }, (_, i) => (1 - ((i + 0.5) / QUANTILES) ** (1 / b)) ** (1 / a));

const meanOf = (values: Float64Array) => values.reduce((sum, value) => sum + value, 0) / values.length;

function hotShareOf(descending: Float64Array): number {
  const enough = 0.8 * QUANTILES * meanOf(descending);
  let count = 0;
  for (let sum = 0; sum < enough; count++) sum += descending[count];
  return count / QUANTILES;
}

/** The statistics of a process, in closed form. */
function measure(process: Process, window: number): { union: number; fresh: number } {
  let union = 0;
  let fresh = 0;
  for (const share of process.shares) {
    const turnsOn = share * (1 - clinging(process, share));
    const silent = (1 - share) * (1 - turnsOn) ** (window - 1);
    union += 1 - silent;
    fresh += silent * turnsOn;
  }
  return { union: union / QUANTILES, fresh: fresh / QUANTILES };
}

/** Where `low` changes from true to false. */
function bisect(from: number, to: number, low: (value: number) => boolean): number {
  let [below, above] = [from, to];
  for (let i = 0; i < HALVINGS; i++) {
    const middle = (below + above) / 2;
    if (low(middle)) below = middle;
    else above = middle;
  }
  return (below + above) / 2;
}

const refused = (statistics: ActivityStatistics, why: string) =>
  new FlashrowError('BAD_USAGE', `no activity has these statistics: ${why}`, { value: { ...statistics } });
