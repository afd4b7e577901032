import { FlashrowError, shown } from '../errors.js';

/** Throws BAD_USAGE if an id is not in the vocabulary. */
export function checkIds(ids: readonly number[], vocabSize: number): void {
  const index = ids.findIndex((id) => !Number.isInteger(id) || id < 0 || id >= vocabSize);
  if (index < 0) return;
  throw new FlashrowError('BAD_USAGE', `token id ${shown(ids[index])} is not in the vocabulary of ${vocabSize}`, {
    id: typeof ids[index] === 'number' ? ids[index] : shown(ids[index]),
    index,
    vocabSize,
  });
}

/**
 * Throws BAD_USAGE if there are no ids or one is not in the vocabulary, CONTEXT_OVERFLOW if they are more than the
 * context.
 */
export function checkPrompt(ids: readonly number[], vocabSize: number, contextSize: number): void {
  if (ids.length === 0)
    throw new FlashrowError('BAD_USAGE', 'the list of token ids is empty; give at least one id', {
      tokens: 0,
      least: 1,
    });
  checkIds(ids, vocabSize);
  if (ids.length > contextSize)
    throw new FlashrowError(
      'CONTEXT_OVERFLOW',
      `the prompt's ${ids.length} tokens do not fit the context of ${contextSize}; shorten it, or raise \`contextSize\``,
      { tokens: ids.length, contextSize },
    );
}

/**
 * Throws CONTEXT_OVERFLOW for a text that cannot fit, as no token stands for more than `longestToken` bytes; null where
 * that is not known. Megabytes would be encoded for nothing.
 */
export function checkLength(text: string, contextSize: number, longestToken: number | null): void {
  if (longestToken === null) return;
  const tokens = Math.ceil(Buffer.byteLength(text) / longestToken);
  if (tokens <= contextSize) return;
  throw new FlashrowError(
    'CONTEXT_OVERFLOW',
    `the prompt's tokens, at least ${tokens}, do not fit the context of ${contextSize}; shorten it, or raise \`contextSize\``,
    { tokens, contextSize },
  );
}

/** Throws BAD_USAGE where a text came to no ids at all. */
export function checkWritten(ids: readonly number[]): void {
  if (ids.length > 0) return;
  throw new FlashrowError(
    'BAD_USAGE',
    'the prompt is empty and this vocabulary adds no beginning-of-sequence token; give at least one token',
    { option: 'prompt' },
  );
}

/** Throws BAD_USAGE where no sequence has a token to score: the first of each is not scored. */
export function checkScored(sequences: readonly (readonly number[])[]): void {
  if (sequences.some((ids) => ids.length > 1)) return;
  throw new FlashrowError(
    'BAD_USAGE',
    'there is nothing to score: the first token of a sequence is not scored, so `sequences` need one of at least two ids',
    { option: 'sequences', sequences: sequences.length },
  );
}
