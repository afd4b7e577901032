import { FlashrowError } from '../errors.js';
import { makeWindows } from '../text/documents.js';
import type { Tokenizer } from '../text/tokenizer.js';

/** The least tokens to calibrate on. Fewer say nothing about a neuron that one token in a hundred activates. */
const LEAST_TOKENS = 1000;
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
 * over the documents. Throws BAD_USAGE if the documents have fewer than LEAST_TOKENS, or fewer are asked for.
 */
export function calibrationText(
  documents: readonly string[],
  tokenizer: Tokenizer,
  contextSize: number,
  tokens: number,
): CalibrationText {
  if (tokens < LEAST_TOKENS) throw tooFew('tokens', `\`tokens: ${tokens}\` is too few`, tokens);
  const ids = documents.map((text) => tokenizer.encode(text, { addBos: false, addEos: false, parseSpecial: false }));
  const windows = makeWindows(ids, contextSize, tokenizer.bosId);
  const available = tokensIn(windows);
  if (available < LEAST_TOKENS) throw tooFew('documents', `the text has ${available} tokens`, available);
  let sequences = spread(windows, available, tokens);
  // Where windows are long, an even step may pass over too many of them.
  if (tokensIn(sequences) < LEAST_TOKENS) sequences = spread(windows, available, LEAST_TOKENS + contextSize);
  const taken = tokensIn(sequences);
  let heldOutTokens = 0;
  for (let i = sequences.length - 1; i > 0 && heldOutTokens < HELD_OUT_SHARE * taken; i--)
    heldOutTokens += sequences[i].length;
  return { sequences, tokens: taken, heldOutTokens };
}

/** Takes windows at even steps, so that the end of a long text counts as much as its beginning. */
function spread(windows: readonly number[][], available: number, tokens: number): number[][] {
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
  return sequences;
}

const tooFew = (option: string, found: string, tokens: number) =>
  new FlashrowError(
    'BAD_USAGE',
    `${found}; calibration needs at least ${LEAST_TOKENS}, and gets better up to some ten thousand`,
    { option, tokens, least: LEAST_TOKENS },
  );

const tokensIn = (sequences: readonly number[][]) => sequences.reduce((sum, ids) => sum + ids.length, 0);
