import { FlashrowError } from '../errors.js';
import { makeWindows } from '../text/documents.js';
import type { Tokenizer } from '../text/tokenizer.js';

/** The least tokens to calibrate on. Fewer say nothing about a neuron that one token in a hundred activates. */
export const LEAST_TOKENS = 1000;
/** The share of the tokens that is kept from training, to measure on. */
const HELD_OUT_SHARE = 0.2;

/** The tokens that a calibration runs. */
export interface CalibrationText {
  /** Ids of each sequence. Each runs from an empty state; those held out come last. */
  sequences: number[][];
  tokens: number;
  heldOutTokens: number;
}

/**
 * Cuts documents into windows of at most `contextSize` tokens, and takes about `tokens` tokens of them, spread evenly
 * over the documents. Throws BAD_USAGE if the documents have fewer than LEAST_TOKENS.
 */
export function calibrationText(
  documents: readonly string[],
  tokenizer: Tokenizer,
  contextSize: number,
  tokens: number,
): CalibrationText {
  const ids = documents.map((text) => tokenizer.encode(text, { addBos: false, addEos: false, parseSpecial: false }));
  const windows = makeWindows(ids, contextSize, tokenizer.bosId);
  const available = tokensIn(windows);
  if (available < LEAST_TOKENS)
    throw new FlashrowError(
      'BAD_USAGE',
      `the text has ${available} tokens; calibration needs at least ${LEAST_TOKENS}, and gets better up to some ten thousand`,
      { option: 'documents', tokens: available, least: LEAST_TOKENS },
    );
  // Windows are taken at even steps, so that the end of a long text counts as much as its beginning.
  const step = Math.max(1, available / tokens);
  const sequences: number[][] = [];
  let passed = 0;
  let taken = 0;
  for (const window of windows) {
    if (taken * step <= passed) {
      sequences.push(window);
      taken += window.length;
    }
    passed += window.length;
  }
  let heldOutTokens = 0;
  for (let i = sequences.length - 1; i > 0 && heldOutTokens < HELD_OUT_SHARE * taken; i--)
    heldOutTokens += sequences[i].length;
  return { sequences, tokens: taken, heldOutTokens };
}

const tokensIn = (sequences: readonly number[][]) => sequences.reduce((sum, ids) => sum + ids.length, 0);
