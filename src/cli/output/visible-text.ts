/** Control characters but tab and line feed, C1 controls, and the marks that turn the direction of a line. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it is to find.
const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g;

/**
 * A text that changes nothing about a terminal: ESC becomes `^[`, as `cat -v` writes it, and U+009B `<U+009B>`. A model
 * that was taught to, or whose prompt says so, could else move the cursor, hide lines or set the clipboard.
 */
export const visibleText = (text: string): string =>
  text.replace(CONTROLS, (character) => {
    const code = character.charCodeAt(0);
    if (code < 0x20) return `^${String.fromCharCode(code + 0x40)}`;
    return code === 0x7f ? '^?' : `<U+${code.toString(16).toUpperCase().padStart(4, '0')}>`;
  });
