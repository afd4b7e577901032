import type { CachePolicyName } from '../cache/policy.js';
import { formatBytes } from '../disk/format-bytes.js';
import { FlashrowError } from '../errors.js';
import { type Policy, policiesFor } from './policies/policies.js';
import type { Pool } from './policies/pool.js';
import { reuseOf, type TraceReuse } from './reuse.js';
import { DECODE, type Trace } from './trace.js';

export interface ReplayOptions {
  memoryBytes: number;
  /** Begins with empty caches at the first generated token. Else the prompt comes first, uncounted. Default false. */
  cold?: boolean;
  /**
   * Asks for units one by one, in the recorded order. Else for those of a layer together, as the engine does. Default
   * false.
   */
  oneByOne?: boolean;
}

/** What one cache policy would have read. */
export interface PolicyResult {
  /** Its name; `belady` is the optimum. */
  policy: string;
  /** The `tuning.cache` under which the engine does the same; null where it never does. */
  cache: CachePolicyName | null;
  /** Share of the units asked for that were in memory. */
  hitRate: number;
  /** Bytes of units that a token reads. */
  bytesPerToken: number;
  /** Units that a token reads, before neighbours are merged into one read. */
  recordsPerToken: number;
}

/** What caches of one size would have read for the generated tokens of a trace. */
export interface Replay extends TraceReuse {
  /** Slots that the memory buys, each as large as the largest unit. */
  slots: number;
  /** Slots of each layer, where every layer has its own. */
  slotsPerLayer: number;
  /** Bytes of a slot. */
  slotBytes: number;
  /** Generated tokens; these alone are counted. */
  tokens: number;
  /** One for each policy, the optimum last. */
  policies: PolicyResult[];
}

/**
 * Says what each policy, and Belady's optimum, would have read for the generated tokens of a trace. All slots are of
 * one size: else it is not certain that nothing beats the optimum. Throws BAD_USAGE where the trace has no generated
 * token, and INSUFFICIENT_MEMORY below one unit a layer.
 */
export function replay(trace: Trace, options: ReplayOptions): Replay {
  const { layers } = trace;
  const tokens = trace.passes.filter((pass) => pass.phase === DECODE).length;
  if (tokens === 0)
    throw new FlashrowError('BAD_USAGE', 'the trace holds no generated token; record a run of at least two', {});
  const slotBytes = Math.max(...layers.map((layer) => layer.slotBytes));
  const slots = Math.floor(options.memoryBytes / slotBytes);
  const slotsPerLayer = Math.floor(slots / layers.length);
  if (slotsPerLayer === 0) {
    const minimumBytes = slotBytes * layers.length;
    const message = `one unit for each of ${layers.length} layers takes ${formatBytes(minimumBytes)}, and ${formatBytes(options.memoryBytes)} are given; give more`;
    throw new FlashrowError('INSUFFICIENT_MEMORY', message, { minimumBytes, budgetBytes: options.memoryBytes });
  }
  const calls = [...callsOf(trace, options)];
  const policies = policiesFor(trace.selector).map(({ name, cache, perLayer, create }) => {
    const caches = perLayer ? layerCaches(trace, calls, slotsPerLayer, create) : oneCache(trace, calls, slots, create);
    const { hit, missed, bytes } = run(trace, calls, caches);
    return {
      policy: name,
      cache,
      hitRate: hit / (hit + missed),
      bytesPerToken: bytes / tokens,
      recordsPerToken: missed / tokens,
    };
  });
  return { slots, slotsPerLayer, slotBytes, tokens, ...reuseOf(trace), policies };
}

/** One call asks for distinct units of one layer. */
interface Call {
  layer: number;
  units: Uint32Array;
  /** How many tokens of a prompt ask for each unit, where the trace lists each token's own units; else null. */
  tokens: Uint32Array | null;
  counted: boolean;
  endsToken: boolean;
}

function* callsOf(trace: Trace, { cold = false, oneByOne = false }: ReplayOptions): Generator<Call> {
  for (const { phase, units } of trace.passes) {
    const counted = phase === DECODE;
    if (cold && !counted) continue;
    for (let layer = 0; layer < units.length; layer++) {
      const together = !counted && !oneByOne;
      const tokensOf = together ? countsOf(units[layer]) : null;
      const asked = tokensOf ? Uint32Array.from(tokensOf.keys()) : units[layer];
      const tokens = tokensOf && Uint32Array.from(tokensOf.values());
      const endsToken = layer === units.length - 1;
      const step = oneByOne ? 1 : Math.max(1, asked.length);
      for (let from = 0; from === 0 || from < asked.length; from += step) {
        const last = from + step >= asked.length;
        yield { layer, units: asked.subarray(from, from + step), tokens, counted, endsToken: endsToken && last };
      }
    }
  }
}

/** Counts each value. The values are in the order in which they come first. */
function countsOf(values: Uint32Array): Map<number, number> {
  const counts = new Map<number, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return counts;
}

/** The caches of a policy: the one that holds a layer's units, and the units' ids in it. */
interface Caches {
  pools: readonly Pool[];
  poolOf: (layer: number) => Pool;
  idsOf: (call: Call) => Uint32Array;
}

function layerCaches(trace: Trace, calls: readonly Call[], slots: number, create: Policy['create']): Caches {
  const pools = trace.layers.map(({ units }, layer) => {
    const future = () => calls.filter((call) => call.layer === layer).map((call) => call.units);
    return create({ units, offsets: [0], slots, future });
  });
  return { pools, poolOf: (layer) => pools[layer], idsOf: (call) => call.units };
}

function oneCache({ layers }: Trace, calls: readonly Call[], slots: number, create: Policy['create']): Caches {
  const offsets: number[] = [];
  let units = 0;
  for (const layer of layers) {
    offsets.push(units);
    units += layer.units;
  }
  const idsOf = (call: Call) => call.units.map((unit) => unit + offsets[call.layer]);
  const pool = create({ units, offsets, slots, future: () => calls.map(idsOf) });
  return { pools: [pool], poolOf: () => pool, idsOf };
}

function run({ layers }: Trace, calls: readonly Call[], { pools, poolOf, idsOf }: Caches) {
  const totals = { hit: 0, missed: 0, bytes: 0 };
  for (const call of calls) {
    const missed = poolOf(call.layer).use(idsOf(call), call.tokens);
    if (call.counted) {
      totals.hit += call.units.length - missed;
      totals.missed += missed;
      totals.bytes += missed * layers[call.layer].unitBytes;
    }
    if (call.endsToken) for (const pool of pools) pool.endToken();
  }
  return totals;
}
