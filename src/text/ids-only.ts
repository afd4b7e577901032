import { FlashrowError } from '../errors.js';
import type { TextSpec } from '../model/text-spec.js';
import type { Steps } from './steps.js';
import type { StoredText } from './stored-text.js';
import type { Tokenizer } from './tokenizer.js';
import type { GuardedText } from './user-text.js';

/** The text side of a model whose tokenizer is not supported. `why` names it in a sentence. */
export function withoutTokenizer(stored: StoredText, why: string): StoredText {
  const { eosIds, suppressedIds, warnings = [] } = stored.text;
  const text: TextSpec = {
    ...{ bosId: null, eosIds, addBos: false, addEos: false, idsOnly: why },
    ...(suppressedIds && { suppressedIds }),
    warnings: [...warnings, `the model runs on token ids alone, and its answers have no text: ${why}`],
  };
  return { ...stored, text };
}

/** The failure of whatever needs the texts of such a model. */
export const noText = (why: string): FlashrowError =>
  new FlashrowError('UNSUPPORTED', `texts of this model cannot be read or written, so give it token ids: ${why}`, {
    part: 'tokenizer',
  });

const NO_BYTES = new Uint8Array(0);

/** Stands in for a tokenizer that is not supported. It knows what ends an answer, and refuses every text. */
export class IdsOnly implements Tokenizer {
  readonly bosId = null;
  readonly addBos = false;
  readonly addEos = false;
  readonly longestToken = null;
  readonly eosIds: readonly number[];
  readonly suppressedIds: readonly number[];
  readonly idsOnly: string;

  constructor({ eosIds, suppressedIds = [] }: TextSpec, why: string) {
    this.eosIds = eosIds;
    this.suppressedIds = suppressedIds;
    this.idsOnly = why;
  }

  bytes(): Uint8Array {
    return NO_BYTES;
  }

  token(): string {
    return '';
  }

  startsWithSpecial(): boolean {
    return false;
  }

  encode(): number[] {
    throw noText(this.idsOnly);
  }

  encoding(): Steps<number[]> {
    throw noText(this.idsOnly);
  }

  encodeGuarded(): Steps<number[]> {
    throw noText(this.idsOnly);
  }

  guard(): GuardedText {
    throw noText(this.idsOnly);
  }

  decode(): string {
    throw noText(this.idsOnly);
  }
}
