import type { Grammar, NodeId } from './grammar.js';

/**
 * A control token is no text. In a table of tokens its bytes are its name behind this byte, which no text in UTF-8 has:
 * so a grammar can tell it from its name written out.
 */
export const CONTROL = 0xff;

/** The bytes of a control token in a table of tokens. */
export const controlBytes = (name: string): Uint8Array => Buffer.concat([Uint8Array.of(CONTROL), Buffer.from(name)]);

/**
 * The ways in which a mark is written: by its control token, and by its name. Where `token` is given, that is the
 * control token, and the mark holds it.
 */
export function markBytes(name: string, token = name): Uint8Array[] {
  const at = name.indexOf(token);
  const [before, after] = [name.slice(0, at), name.slice(at + token.length)].map((text) => Buffer.from(text));
  return [Buffer.concat([before, controlBytes(token), after]), Buffer.from(name)];
}

/** A mark in either way. The tokens of the vocabulary decide which of them can be written. */
export const markNode = (grammar: Grammar, name: string, token = name): NodeId =>
  grammar.choice(
    ...markBytes(name, token).map((bytes) => grammar.sequence(...Array.from(bytes, (byte) => grammar.byte([byte])))),
  );
