/** What of a layer streams. */
export interface StreamedLayer {
  /** Units of the layer. A unit is read, cached and evicted as one: a bundle, or neighbouring bundles together. */
  units: number;
  /** Bundles of the layer. */
  bundles: number;
  /** Payload of a unit, bytes. */
  unitBytes: number;
  /** Bytes that a unit takes in a cache: its payload, and room for aligned reads. */
  slotBytes: number;
}

/** What one layer was asked for since the sample before. */
export interface LayerActivity extends StreamedLayer {
  /** Bundles that were asked for and were in memory. */
  bundlesHit: number;
  /** Bundles that were asked for and had to be read. */
  bundlesMissed: number;
  /** Which units were asked for, a bitmap of ceil(units / 8) bytes: unit u is bit u % 8 of byte floor(u / 8). */
  asked: Uint8Array;
  /** Which of them had to be read, likewise. */
  read: Uint8Array;
}

/** What one pass asked for. */
export interface TracedPass {
  /** Tokens that ran in it: one of an answer, or several of prompts, of guesses, or of several answers. */
  tokens: number;
  /** A bitmap for each layer, one after the other, each of ceil(units / 8) bytes as in `LayerActivity.asked`. */
  asked: Uint8Array;
}

/** How a model is looked at. */
export interface ActivityOptions {
  /** Whether samples have their passes one by one, in `trace`; default false. */
  trace?: boolean | undefined;
}

/** What a model did since the sample before, or since somebody began to look. Counts of all samples add up. */
export interface ActivitySample {
  /** ms that it covers. Times in which no call ran are left out. */
  ms: number;
  /** Passes over all layers: generated tokens, and chunks of prompts. */
  passes: number;
  /** Tokens that ran: of prompts, of answers, and those that were guessed, right or wrong. */
  tokens: number;
  /** Bundles that were asked for and were in memory. */
  bundlesHit: number;
  /** Bundles that were asked for and had to be read. */
  bundlesMissed: number;
  /** Bytes of bundles and of streamed matrices that arrived, without what alignment adds. */
  payloadBytesRead: number;
  /** Bytes that the disk delivered. */
  deviceBytesRead: number;
  /** Reads, after neighbouring bundles were merged into one. */
  recordsRead: number;
  /** ms spent waiting for reads. The three fields below are the rest of `ms`. */
  readWaitMs: number;
  /** The feed-forward part, ms. */
  ffnMs: number;
  /** Norms, projections, embedding and head, ms. */
  denseMs: number;
  /** Everything else, ms: attention over keys and values, selectors, sampling. */
  otherMs: number;
  /** Keys and values that are held now, bytes. */
  stateBytes: number;
  /** What the budget's parts hold now, bytes. */
  memoryBytes: number;
  /** Growth of the process's anonymous and shared memory since just before the load, bytes. */
  rssGrowthBytes: number;
  /** One for each layer, the first layer first. */
  layers: LayerActivity[];
  /** The passes one by one, where they were asked for; else empty. Of those that nobody took the newest 16 MB stay. */
  trace: TracedPass[];
}

/** Bytes of a bitmap of so many units. */
const bitmapBytes = (units: number): number => Math.ceil(units / 8);

/** A layer of which nothing was asked. */
export const idleLayer = ({ units, bundles, unitBytes, slotBytes }: StreamedLayer): LayerActivity => ({
  ...{ units, bundles, unitBytes, slotBytes, bundlesHit: 0, bundlesMissed: 0 },
  asked: new Uint8Array(bitmapBytes(units)),
  read: new Uint8Array(bitmapBytes(units)),
});

/** Adds a later sample to `sample`. */
export function addSample(sample: ActivitySample, later: ActivitySample): void {
  for (const field of COUNTS) sample[field] += later[field];
  sample.stateBytes = later.stateBytes;
  sample.memoryBytes = later.memoryBytes;
  sample.rssGrowthBytes = later.rssGrowthBytes;
  addPasses(sample.trace, later.trace);
  for (const [at, layer] of sample.layers.entries()) {
    const { bundlesHit, bundlesMissed, asked, read } = later.layers[at];
    layer.bundlesHit += bundlesHit;
    layer.bundlesMissed += bundlesMissed;
    for (let byte = 0; byte < asked.length; byte++) {
      layer.asked[byte] |= asked[byte];
      layer.read[byte] |= read[byte];
    }
  }
}

/** Adds later passes to a trace, and lets go of the oldest beyond `MOST_TRACE_BYTES`. */
export function addPasses(trace: TracedPass[], later: readonly TracedPass[]): void {
  trace.push(...later);
  const most = Math.floor(MOST_TRACE_BYTES / Math.max(1, trace[0]?.asked.length ?? 1));
  if (trace.length > most) trace.splice(0, trace.length - most);
}

const MOST_TRACE_BYTES = 16e6;

const COUNTS = [
  ...(['ms', 'passes', 'tokens', 'bundlesHit', 'bundlesMissed'] as const),
  ...(['payloadBytesRead', 'deviceBytesRead', 'recordsRead'] as const),
  ...(['readWaitMs', 'ffnMs', 'denseMs', 'otherMs'] as const),
];
