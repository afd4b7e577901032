import type { Tokenizer } from './tokenizer.js';

/** The id of a token that a text may name; null where it is none. */
export function idOfToken(token: string, tokenizer: Pick<Tokenizer, 'encode' | 'token'>): number | null {
  const ids = tokenizer.encode(token, { addBos: false, addEos: false, parseSpecial: true });
  return ids.length === 1 && tokenizer.token(ids[0]) === token ? ids[0] : null;
}
