import { FlashrowError } from '../../errors.js';
import type { Constraint } from '../../grammar/constraint.js';
import { allow } from '../../grammar/token-table.js';

/**
 * The tokens that keep an answer, a bit each, with those that end it where it may end; `none` where it is complete and
 * nothing may follow. Throws UNSUPPORTED where the vocabulary has no token to go on with.
 */
export function allowedTokens(constraint: Constraint, eosIds: ReadonlySet<number>): Uint32Array | 'none' {
  const allowed = constraint.allowed();
  const goesOn = allowed.some((word) => word !== 0);
  if (!constraint.complete) {
    if (goesOn) return allowed;
    throw new FlashrowError(
      'UNSUPPORTED',
      '`responseFormat` or `tools` cannot be kept: the vocabulary of the model has no token that the answer could go on with',
      { option: 'responseFormat' },
    );
  }
  if (!goesOn) return 'none';
  for (const id of eosIds) allow(allowed, id);
  return allowed;
}
