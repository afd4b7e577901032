import { describe, expect, test } from 'vitest';
import { makeWindows, splitDocuments } from '../../dist/src/text/documents.js';

describe('splitDocuments', () => {
  test('ends a document at a separating line', () => {
    expect(splitDocuments('one\ntwo\n<|endoftext|>\nthree')).toEqual(['one\ntwo', 'three']);
  });

  test('keeps a text without separators byte for byte', () => {
    expect(splitDocuments('\uFEFF one\r\n\n two \n')).toEqual(['\uFEFF one\r\n\n two \n']);
  });

  test('keeps blank lines inside a document, and drops only the line break next to a separator', () => {
    expect(splitDocuments('one\n\n<|endoftext|>\n\ntwo')).toEqual(['one\n', '\ntwo']);
  });

  test('leaves out empty documents at the start, in between and at the end', () => {
    expect(
      splitDocuments('<|endoftext|>\n<|endoftext|>\none\n<|endoftext|>\n<|endoftext|>\ntwo\n<|endoftext|>\n'),
    ).toEqual(['one', 'two']);
  });

  test('takes a separator only as a line of its own', () => {
    expect(splitDocuments('a <|endoftext|>\n<|endoftext|> b\nc')).toEqual(['a <|endoftext|>\n<|endoftext|> b\nc']);
  });

  test('understands lines that end in CR LF', () => {
    expect(splitDocuments('one\r\n<|endoftext|>\r\ntwo')).toEqual(['one', 'two']);
  });

  test('finds nothing in an empty text', () => {
    expect(splitDocuments('')).toEqual([]);
  });
});

describe('makeWindows', () => {
  test('begins each window with BOS and fills the context without overlap', () => {
    expect(makeWindows([[11, 12, 13, 14, 15]], 3, 1)).toEqual([
      [1, 11, 12],
      [1, 13, 14],
      [1, 15],
    ]);
  });

  test('never lets a window span two documents', () => {
    expect(makeWindows([[11], [21, 22]], 8, 1)).toEqual([
      [1, 11],
      [1, 21, 22],
    ]);
  });

  test('scores every token of every document exactly once where there is a BOS', () => {
    const documents = [7, 64, 1, 0, 31].map((length, index) => Array.from({ length }, (_, i) => 100 * index + i));
    const scored = makeWindows(documents, 8, 0).flatMap((window) => window.slice(1));
    expect(scored).toEqual(documents.flat());
  });

  test('without a BOS gives the whole context to the text and drops a window of one token', () => {
    expect(makeWindows([[11, 12, 13, 14, 15]], 2, null)).toEqual([
      [11, 12],
      [13, 14],
    ]);
  });

  test('makes no window where a context of one leaves nothing to score', () => {
    expect(makeWindows([[11, 12]], 1, 1)).toEqual([]);
  });
});
