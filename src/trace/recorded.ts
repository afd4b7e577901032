import { FlashrowError } from '../errors.js';
import { askedBytes, bitmapsOf, DECODE, PROMPT, type Trace, type TraceLayer } from './trace.js';

/** What passes of a model asked for, as `model.activity({ trace: true })` tells it. */
export interface RecordedTrace {
  /** The selector that chose the units: `model.info.selector`. */
  selector: string;
  /** The layers of a sample. */
  layers: readonly TraceLayer[];
  /** The `trace` of one sample, or of several that follow one another. */
  passes: readonly { tokens: number; asked: Uint8Array }[];
}

/**
 * The trace of passes in memory. A pass of one token is a generated one, any other a prompt. Throws BAD_USAGE where
 * bitmaps do not fit the layers.
 */
export function traceOf({ selector, layers, passes }: RecordedTrace): Trace {
  const bytes = askedBytes(layers);
  const plain = layers.map(({ units, unitBytes, slotBytes }) => ({ units, unitBytes, slotBytes }));
  return {
    model: '',
    selector,
    layers: plain,
    tornBytes: 0,
    passes: passes.map(({ tokens, asked }, at) => {
      if (asked.length !== bytes)
        throw new FlashrowError(
          'BAD_USAGE',
          `pass ${at} has ${asked.length} bytes of bitmaps, and its layers take ${bytes}; use layers and passes of the same model`,
          { option: 'trace' },
        );
      const units = bitmapsOf(layers, asked).map((bitmap, layer) => unitsIn(bitmap, plain[layer].units));
      return { phase: tokens === 1 ? DECODE : PROMPT, tokens, units };
    }),
  };
}

function unitsIn(bitmap: Uint8Array, units: number): Uint32Array {
  const asked: number[] = [];
  for (let unit = 0; unit < units; unit++) if (bitmap[unit >> 3] & (1 << (unit & 7))) asked.push(unit);
  return Uint32Array.from(asked);
}
