import { FlashrowError } from '../errors.js';
import type { Selector } from '../select/selector.js';
import { DECODE, type Trace } from './trace.js';

export interface TraceSelectorOptions {
  trace: Trace;
  unitsPerLayer: readonly number[];
  /** Whether units are experts. The experts of a token then share its weight evenly. */
  experts: boolean;
  /** Tokens of the largest chunk. */
  maxTokens: number;
}

/**
 * Reads what the tokens of a trace asked for, whatever x is. This is for benchmarks: the times are those of a model
 * that selects so, and the output means nothing. Each token that runs takes the next generated token of the trace, and
 * begins again after the last. A prompt chunk asks for what its tokens ask for together. Throws BAD_USAGE where the
 * trace has another shape than the model, or no generated token.
 */
export function selectByTrace({ trace, unitsPerLayer, experts, maxTokens }: TraceSelectorOptions): Selector {
  checkShape(trace, unitsPerLayer);
  const passes = trace.passes.filter(({ phase }) => phase === DECODE).map(({ units }) => units);
  if (passes.length === 0)
    throw new FlashrowError('BAD_USAGE', 'the trace holds no generated token to replay; record a run of at least two', {
      option: 'tuning.trace',
    });
  const most = Math.max(...unitsPerLayer);
  const asked = new Uint8Array(most);
  const places = new Uint32Array(experts ? most : 0);
  const weights = experts ? new Float32Array(maxTokens * most) : null;
  let next = 0;
  let first = 0;

  return {
    name: 'trace',
    exact: false,
    residentProducts: null,
    weights,
    select(layer, _x, tokens, units) {
      // Every pass, one that failed included, begins at layer 0.
      if (layer === 0) {
        first = next;
        next = (next + tokens) % passes.length;
      }
      asked.fill(0);
      for (let token = 0; token < tokens; token++) {
        const wanted = passes[(first + token) % passes.length][layer];
        for (let i = 0; i < wanted.length; i++) asked[wanted[i]] = 1;
      }
      let count = 0;
      for (let unit = 0; unit < unitsPerLayer[layer]; unit++) {
        if (asked[unit] === 0) continue;
        if (experts) places[unit] = count;
        units[count++] = unit;
      }
      if (weights) {
        weights.fill(0, 0, tokens * count);
        for (let token = 0; token < tokens; token++) {
          const wanted = passes[(first + token) % passes.length][layer];
          for (let i = 0; i < wanted.length; i++) weights[token * count + places[wanted[i]]] = 1 / wanted.length;
        }
      }
      return count;
    },
    dispose() {},
  };
}

function checkShape({ layers }: Trace, unitsPerLayer: readonly number[]): void {
  const same = layers.length === unitsPerLayer.length && layers.every(({ units }, i) => units === unitsPerLayer[i]);
  if (same) return;
  const message = `the trace has ${layers.length} layers of ${layers[0].units} units, the model ${unitsPerLayer.length} of ${unitsPerLayer[0]}; use a trace of the same shape`;
  throw new FlashrowError('BAD_USAGE', message, { option: 'tuning.trace' });
}
