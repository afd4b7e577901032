import { FlashrowError } from '../errors.js';
import type { AddedToken, AddedTokenSplitter } from './added-tokens.js';
import { unmark } from './jinja/marks.js';

/** A noncharacter of Unicode, which no text holds. Put inside a control token, it makes plain text of it. */
export const GUARD = '\ufdd0';

/** A rendered conversation whose control tokens are the template's alone. */
export interface GuardedText {
  /** With guards; for `Tokenizer.encodeGuarded`. */
  text: string;
  /** Ids of the tokens that are control tokens here. */
  controls: ReadonlySet<number>;
  /** How often the template wrote one of them. */
  written: number;
}

/**
 * Puts a guard into every control token that a user's text has a part in. Control tokens are the special tokens; and,
 * whatever their flag says, those like `<|name|>` and the added tokens that the template writes, but for white space.
 * `rendered` is a text with marks (jinja/marks.ts), `literals` all that the template could write. Throws UNSUPPORTED
 * where a token is one character, which no guard can part.
 */
export function guardUserText(
  rendered: string,
  literals: string,
  added: ReadonlyMap<number, AddedToken>,
  splitter: AddedTokenSplitter,
): GuardedText {
  const { text: whole, byUser } = unmark(rendered);
  const own = ownText(whole, byUser);
  const controls = new Set([...added.values()].filter(isControl).map(({ id }) => id));
  for (const text of [literals, own])
    splitter.split(text, ignore, (id, spelled) => spelled.trim() !== '' && controls.add(id), false);

  let text = whole;
  let flags = Buffer.from(byUser.map((flag) => flag + DIGIT_0)).toString('latin1');
  // A guard in one token may leave another: `aab` with the tokens `aa` and `ab` is an example.
  for (;;) {
    let guarded = '';
    let guardedFlags = '';
    let written = 0;
    let at = 0;
    const add = (part: string, partFlags: string) => {
      guarded += part;
      guardedFlags += partFlags;
      at += partFlags.length;
    };
    splitter.split(
      text,
      (part) => add(part, flags.slice(at, at + part.length)),
      (id, spelled) => {
        const givers = flags.slice(at, at + spelled.length);
        if (!controls.has(id)) return add(spelled, givers);
        if (!givers.includes('1')) {
          written++;
          return add(spelled, givers);
        }
        const cut = placeOfGuard(givers, spelled);
        guarded += spelled.slice(0, cut) + GUARD + spelled.slice(cut);
        guardedFlags += `${givers.slice(0, cut)}1${givers.slice(cut)}`;
        at += spelled.length;
      },
      false,
    );
    if (guarded === text) return { text, controls, written };
    text = guarded;
    flags = guardedFlags;
  }
}

const DIGIT_0 = 0x30;
const ignore = () => {};

/** Some templates put tokens like `<|system|>` together, so that no text of theirs shows them. */
const isControl = ({ content, special }: AddedToken) => special || /^<[|\uff5c].*[|\uff5c]>$/su.test(content);

/** Where the template's text meets the user's; the template's own token may end there. Else behind the first unit. */
function placeOfGuard(flags: string, spelled: string): number {
  const border = flags.startsWith('1') ? flags.indexOf('0') : flags.indexOf('1');
  if (border > 0) return border;
  if (spelled.length > 1) return 1;
  throw new FlashrowError(
    'UNSUPPORTED',
    `a message holds ${JSON.stringify(spelled)}, which is a control token of this vocabulary and cannot be plain text`,
  );
}

/** What the template wrote, with a break where a user's text stood. */
function ownText(text: string, byUser: Uint8Array): string {
  let own = '';
  let from = 0;
  for (let at = 0; at <= text.length; at++) {
    if (at < text.length && byUser[at] === 0) continue;
    if (at > from) own += `${text.slice(from, at)}\0`;
    from = at + 1;
  }
  return own;
}
