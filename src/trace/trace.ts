/*
 * A trace says which units of each layer every token asked for. On disk it is a stream of MessagePack values, one after
 * another:
 *
 *   header  {format: "flashrow-trace", version: 1, model, selector, layers: [{units, unitBytes, slotBytes}, ...]}
 *   pass    [phase, tokens, asked], one for each pass
 *
 * A pass is one prompt chunk (phase 0, with its number of tokens) or one generated token (phase 1, tokens 1). `asked`
 * is binary. It has a bitmap for each layer, in order, of ceil(units / 8) bytes: unit u is bit u % 8 of byte floor(u /
 * 8), and spare bits are zero. A pass is written whole and at once, so that a trace that was cut off is good up to its
 * last whole pass.
 */

export const TRACE_FORMAT = 'flashrow-trace';
export const TRACE_VERSION = 1;
export const PROMPT = 0;
export const DECODE = 1;
/** Units of all layers together. No model has so many: more of them are damage. */
export const MAX_UNITS = 2 ** 25;

/** The units of one layer. A unit is read, cached and evicted as one: a bundle, or neighbouring bundles together. */
export interface TraceLayer {
  /** The bundles, or groups of them, that are cached together. */
  units: number;
  /** Payload of one unit, bytes. */
  unitBytes: number;
  /** Bytes that one unit takes in a cache: its payload, and room for aligned reads. */
  slotBytes: number;
}

export interface TraceHeader {
  model: string;
  /** The selector that chose the units: `all`, `gate`, `router`, ... */
  selector: string;
  layers: TraceLayer[];
}

export interface TracePass {
  phase: typeof PROMPT | typeof DECODE;
  tokens: number;
  /**
   * The units that each layer was asked for, in order. They are distinct, except where a prompt lists each token's own.
   */
  units: Uint32Array[];
}

export interface Trace extends TraceHeader {
  passes: TracePass[];
  /** Bytes of a last pass that was cut off; 0 where the trace is complete. */
  tornBytes: number;
}

const bitmapBytes = ({ units }: TraceLayer): number => Math.ceil(units / 8);

/** Bytes of the bitmaps of a pass. */
export const askedBytes = (layers: readonly TraceLayer[]): number =>
  layers.reduce((sum, layer) => sum + bitmapBytes(layer), 0);

/** The layers' bitmaps inside `asked[askedBytes]`. */
export function bitmapsOf(layers: readonly TraceLayer[], asked: Uint8Array): Uint8Array[] {
  let end = 0;
  return layers.map((layer) => {
    const start = end;
    end += bitmapBytes(layer);
    return asked.subarray(start, end);
  });
}
