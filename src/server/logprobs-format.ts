import type { ScoredToken, TokenLogprob } from '../index.js';

/** A token, and the character of the text at which it begins. */
export interface PlacedLogprob extends TokenLogprob {
  offset: number;
}

const scored = ({ text, logprob, bytes }: ScoredToken) => ({
  token: text,
  logprob,
  bytes: bytes.length > 0 ? bytes : null,
});

/** As responses have it. */
export const tokenLogprob = (token: TokenLogprob) => ({
  ...scored(token),
  bytes: token.bytes,
  top_logprobs: token.top.map((other) => ({ ...scored(other), bytes: other.bytes })),
});

/** As chats have it. */
export const contentLogprobs = (tokens: readonly TokenLogprob[]) => ({
  content: tokens.map((token) => ({ ...scored(token), top_logprobs: token.top.map(scored) })),
  refusal: null,
});

/** As completions have it: one list for each thing that is told. */
export const plainLogprobs = (tokens: readonly PlacedLogprob[]) => ({
  tokens: tokens.map(nameOf),
  token_logprobs: tokens.map(({ logprob }) => logprob),
  top_logprobs: tokens.map(({ top }) => Object.fromEntries(top.map((other) => [nameOf(other), other.logprob]))),
  text_offset: tokens.map(({ offset }) => offset),
});

/** A token that is a part of a character is told by its bytes, so that names differ. */
const nameOf = ({ text, bytes }: ScoredToken): string =>
  text.includes('\ufffd') ? `bytes:${bytes.map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('')}` : text;
