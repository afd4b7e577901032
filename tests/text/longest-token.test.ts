import { describe, expect, it } from 'vitest';
import { longestToken } from '../../dist/src/text/longest-token.js';

const BYTES = Array.from({ length: 256 }, (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`);
const TOKENS = [...BYTES, 'a', '\u2581\u2581\u2581'];
const model = { byte_fallback: true };

describe('the most bytes that a token may stand for', () => {
  it('is the longest spelling, of an added token too', () => {
    // Three U+2581 are nine bytes in UTF-8.
    expect(longestToken({ model }, TOKENS)).toBe(9);
    expect(longestToken({ model, added_tokens: [{ content: '<|a_special_token|>' }] }, TOKENS)).toBe(19);
  });

  it('leaves room for what NFC joins', () => {
    const most = longestToken({ model, normalizer: { type: 'Sequence', normalizers: [{ type: 'NFC' }] } }, TOKENS)! / 9;
    let least = 0;
    // Every character of Unicode, taken apart, and the signs that NFC writes otherwise.
    for (let code = 0x80; code < 0x30000; code++) {
      const character = String.fromCodePoint(code);
      const [apart, written, joined] = [character.normalize('NFD'), character, character.normalize('NFC')].map((text) =>
        Buffer.byteLength(text),
      );
      least = Math.max(least, apart / joined, written / joined);
    }
    // A syllable of Hangul is three letters of three bytes, and has three.
    expect(least).toBe(3);
    expect(most).toBeGreaterThan(least);
  });

  it.each([
    ['a byte has no token', { model }, TOKENS.slice(1)],
    ['a normalizer may make one character of any', { model, normalizer: { type: 'NFKC' } }, TOKENS],
    [
      'a normalizer shortens',
      { model, normalizer: { type: 'Replace', pattern: { String: 'ab' }, content: '' } },
      TOKENS,
    ],
    ['a pre-tokenizer drops', { model, pre_tokenizer: { type: 'Split', behavior: 'Removed' } }, TOKENS],
    ['a pre-tokenizer is not known', { model, pre_tokenizer: { type: 'WhitespaceSplit' } }, TOKENS],
    ['a token takes spaces away', { model, added_tokens: [{ content: '<s>', rstrip: true }] }, TOKENS],
  ])('is not known where %s', (_, json, tokens) => {
    expect(longestToken(json, tokens)).toBe(null);
  });
});
