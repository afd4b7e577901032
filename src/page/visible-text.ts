/**
 * Characters that show nothing, or change how their neighbours are shown: controls, formats, separators of lines. Line
 * feeds and tabs are left alone, and so are the two joiners, which scripts and emoji need.
 */
const HIDDEN = /(?![\n\t\u200c\u200d])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** A model's text with a sign in the place of each hidden character, so that nothing in it acts unseen. */
export const visibleText = (text: string): string => text.replace(HIDDEN, signOf);

function signOf(character: string): string {
  const code = character.codePointAt(0)!;
  if (code < 0x20) return String.fromCodePoint(0x2400 + code);
  if (code === 0x7f) return '\u2421';
  return `\u2039${code.toString(16).toUpperCase().padStart(4, '0')}\u203a`;
}
