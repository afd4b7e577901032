import { describe, expect, it } from 'vitest';
import { StreamDecoder } from '../../dist/src/text/stream-decoder.js';

const TEXTS = ['é語🦙a', '👩‍👩‍👧‍👦 ok', '\ufeffmark', 'नमस्ते', 'plain'];

describe('the stream decoder', () => {
  it.each(TEXTS)('never cuts a character of %j, wherever two cuts fall', (text) => {
    const bytes = new TextEncoder().encode(text);
    for (let first = 0; first <= bytes.length; first++) {
      for (let second = first; second <= bytes.length; second++) {
        const decoder = new StreamDecoder();
        const parts = [bytes.subarray(0, first), bytes.subarray(first, second), bytes.subarray(second)];
        const pieces = parts.map((part) => decoder.push(part));
        expect(pieces.join('')).toBe(text);
        for (const piece of pieces) expect(piece).not.toMatch(/\p{Surrogate}|\ufffd/u);
        expect(decoder.end()).toBe('');
      }
    }
  });

  it('gives characters one by one as their last byte comes', () => {
    const decoder = new StreamDecoder();
    const pieces = [...new TextEncoder().encode('a語')].map((byte) => decoder.push(Uint8Array.of(byte)));
    expect(pieces).toEqual(['a', '', '', '語']);
  });

  it('ends with U+FFFD where a character was never completed', () => {
    const decoder = new StreamDecoder();
    expect(decoder.push(Uint8Array.of(0x61, 0xf0, 0x9f))).toBe('a');
    expect(decoder.end()).toBe('\ufffd');
  });

  it('replaces bytes that are no UTF-8 and goes on', () => {
    const decoder = new StreamDecoder();
    expect(decoder.push(Uint8Array.of(0xff, 0x61)) + decoder.end()).toBe('\ufffda');
  });
});
