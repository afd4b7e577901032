import { NEUTRAL_SAMPLING } from '../../src/contract/sampling-options.js';
import { Sampler, type SamplerOptions, seededRandom } from '../../src/engine/sampler.js';
import type { Row } from '../table.js';
import { type Group, medianMs } from './group.js';

const VOCABULARIES = [32000, 128256];
const GREEDY = { ...NEUTRAL_SAMPLING, breaks: () => false };
const SETTINGS: Readonly<Record<string, Omit<SamplerOptions, 'seed' | 'vocabSize' | 'masked'>>> = {
  greedy: GREEDY,
  'temperature 0.8': { ...GREEDY, temperature: 0.8 },
  'top-k 40, top-p 0.95': { ...GREEDY, temperature: 0.8, topK: 40, topP: 0.95 },
  'top-p 0.95': { ...GREEDY, temperature: 0.8, topP: 0.95 },
  'min-p 0.05, penalty 1.1': { ...GREEDY, temperature: 0.8, minP: 0.05, repeatPenalty: 1.1 },
  'typical 0.95': { ...GREEDY, temperature: 0.8, typicalP: 0.95 },
  'xtc 0.5, top-p 0.95': { ...GREEDY, temperature: 0.8, topP: 0.95, xtcProbability: 0.5 },
  'frequency penalty 0.5': { ...GREEDY, frequencyPenalty: 0.5 },
};

export const sampler: Group = {
  title: 'sampler',
  note: 'One draw from logits that are spread like a language model’s (normal, deviation 3).',
  async measure({ wanted }) {
    const rows: Row[] = [];
    for (const vocabSize of VOCABULARIES) {
      const logits = normals(vocabSize, 3);
      for (const [name, settings] of Object.entries(SETTINGS)) {
        if (!wanted(`${name} ${vocabSize}`)) continue;
        const drawing = new Sampler({ ...settings, seed: 1, vocabSize, masked: [2] });
        // The sampler may change its input; the engine computes new logits for every token.
        const fresh = new Float32Array(vocabSize);
        const ms = await medianMs(() => {
          fresh.set(logits);
          return drawing.next(fresh, [1, 5, 7]);
        });
        rows.push({ settings: name, vocabulary: vocabSize, 'us per token': 1e3 * ms });
      }
    }
    return rows;
  },
};

/** A normal deviate, after Box and Muller. */
function normals(count: number, deviation: number): Float32Array {
  const random = seededRandom(1);
  return Float32Array.from(
    { length: count },
    () => deviation * Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random()),
  );
}
