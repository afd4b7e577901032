import { FlashrowError } from '../errors.js';
import type { Steps } from './steps.js';
import type { Tokenizer } from './tokenizer.js';

/**
 * The ids of a text in which a user's parts have marks (jinja/marks.ts), and only the others may be control tokens.
 * `literals` is all that could have been written beside them. Adds no BOS. Throws UNSUPPORTED where a user's text would
 * be a control token.
 */
export function* encodeMarked(
  marked: string,
  literals: string,
  tokenizer: Pick<Tokenizer, 'guard' | 'encodeGuarded' | 'token'>,
): Steps<number[]> {
  const { text, controls, written } = tokenizer.guard(marked, literals);
  yield;
  const ids = yield* tokenizer.encodeGuarded(text);
  const found = ids.filter((id) => controls.has(id));
  if (found.length > written)
    throw new FlashrowError(
      'UNSUPPORTED',
      `the text of a message would become a control token, one of ${found.map((id) => tokenizer.token(id)).join(' ')}`,
    );
  return ids;
}
