import { describe, expect, it } from 'vitest';
import { calibrationText } from '../../dist/src/calibrate/calibration-text.js';
import type { Tokenizer } from '../../dist/src/text/tokenizer.js';
import { Random } from '../native-bridge/support.js';

/** A token a character. */
const letters = { bosId: null, encode: (text: string) => [...text].map(() => 1) } as unknown as Tokenizer;
const document = (tokens: number) => 'x'.repeat(tokens);
const refused = (option: string, tokens: number) =>
  expect.objectContaining({ code: 'BAD_USAGE', details: { option, tokens, least: 1000 } });

describe('the text of a calibration', () => {
  it('is refused alike where it is short and where little of it is asked for', () => {
    expect(() => calibrationText([document(999)], letters, 512, 20_000)).toThrowError(refused('documents', 999));
    expect(() => calibrationText([document(50_000)], letters, 512, 10)).toThrowError(refused('tokens', 10));
    expect(() => calibrationText([document(50_000)], letters, 512, 999)).toThrowError(/`tokens: 999` is too few/);
    expect(() => calibrationText([], letters, 512, 20_000)).toThrowError(refused('documents', 0));
  });

  it('leaves tokens to train on and tokens to measure on, however documents and windows are cut', () => {
    const random = new Random(3);
    for (let trial = 0; trial < 100; trial++) {
      const largest = random.pick([10, 600, 5000]);
      const documents = Array.from({ length: 1 + random.below(300) }, () => document(1 + random.below(largest)));
      const available = documents.reduce((sum, { length }) => sum + length, 0);
      const contextSize = random.pick([16, 128, 512]);
      const wanted = 1000 + random.below(5000);
      // A document of one token has nothing to foretell, and is left out.
      if (available - documents.length < 1000) continue;
      const { sequences, tokens, heldOutTokens } = calibrationText(documents, letters, contextSize, wanted);
      expect(sequences.reduce((sum, ids) => sum + ids.length, 0)).toBe(tokens);
      expect(tokens).toBeGreaterThanOrEqual(1000);
      expect(tokens).toBeLessThan(wanted + 3 * contextSize);
      expect(heldOutTokens).toBeGreaterThanOrEqual(0.2 * tokens);
      expect(heldOutTokens).toBeLessThanOrEqual(tokens - 2);
    }
  });
});
