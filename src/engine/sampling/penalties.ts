import type { SamplingSettings } from '../../contract/sampling-options.js';
import { sharedArray } from './shared-arrays.js';

type Settings = Pick<SamplingSettings, 'repeatPenalty' | 'presencePenalty' | 'frequencyPenalty' | 'penaltyWindow'>;

/** The largest logit that a change may come to: a little less than a 32-bit float holds. */
const LARGEST = 3e38;

/** A logit that was changed, as a finite number: options may be as large as they like. */
export const inRange = (logit: number): number => Math.max(-LARGEST, Math.min(LARGEST, logit));

/**
 * Makes tokens less likely that were there: the repeat penalty (arXiv 1909.05858) divides or multiplies their logits,
 * once however often they came; presence and frequency penalty are taken from them, the latter for each time. The same
 * as llama.cpp's sampler "penalties", in the same order. OpenAI's API counts tokens of the answer alone; this counts
 * those of the prompt, too, as far as the window reaches.
 */
export class Penalties {
  readonly #settings: Settings;
  /** How often each id stands in the window. All zero between two calls. */
  readonly #counts: Uint32Array;

  constructor(settings: Settings, vocabSize: number) {
    this.#settings = settings;
    this.#counts = sharedArray('counts', vocabSize, (size) => new Uint32Array(size));
  }

  static areOn({ repeatPenalty, presencePenalty, frequencyPenalty, penaltyWindow }: Settings): boolean {
    return penaltyWindow > 0 && (repeatPenalty !== 1 || presencePenalty !== 0 || frequencyPenalty !== 0);
  }

  /** Changes logits[vocabSize] in place. `history`: the ids so far. */
  apply(logits: Float32Array, history: readonly number[]): void {
    const { repeatPenalty, presencePenalty, frequencyPenalty, penaltyWindow } = this.#settings;
    const counts = this.#counts;
    const from = Math.max(0, history.length - penaltyWindow);
    for (let i = from; i < history.length; i++) counts[history[i]]++;
    for (let i = from; i < history.length; i++) {
      const id = history[i];
      const count = counts[id];
      if (count === 0) continue;
      counts[id] = 0;
      // What is no number stays none: it is to be noticed.
      if (!Number.isFinite(logits[id])) continue;
      const repeated = logits[id] > 0 ? logits[id] / repeatPenalty : logits[id] * repeatPenalty;
      logits[id] = inRange(inRange(repeated) - count * frequencyPenalty - presencePenalty);
    }
  }
}
