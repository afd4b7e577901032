import { describe, expect, it } from 'vitest';
import { StopScanner } from '../../dist/src/text/stop-strings.js';
import { randomTexts } from './data.js';

function scan(stops: string[], pieces: string[]) {
  const scanner = new StopScanner(stops);
  const released = pieces.map((piece) => scanner.push(piece).text);
  const rest = scanner.stopped ? '' : scanner.end();
  return { released, text: released.join('') + rest, stopped: scanner.stopped };
}

/** The text up to the stop string that is complete first, and of those that end together the longest. */
function cut(stops: string[], text: string) {
  for (let end = 1; end <= text.length; end++) {
    const found = stops.filter((stop) => text.slice(0, end).endsWith(stop)).map((stop) => stop.length);
    if (found.length > 0) return { text: text.slice(0, end - Math.max(...found)), stopped: true };
  }
  return { text, stopped: false };
}

const CASES: [string[], string][] = [
  [['###'], 'a## b### c'],
  [['aab'], 'aaaaab!'],
  [['abcabd'], 'abcabcabdx'],
  [['\n\n', 'User:'], 'Hi\nUser: x'],
  [['abcd', 'bc'], 'xabcdx'],
  [['lo', 'ello'], 'hello'],
  [['🦙'], 'a🦚🦙b'],
  [['END'], 'no EN'],
  [[], 'all of it'],
];

describe('the stop scanner', () => {
  it.each(CASES)('stops at %j in %j, wherever two cuts fall', (stops, text) => {
    for (let first = 0; first <= text.length; first++) {
      for (let second = first; second <= text.length; second++) {
        const pieces = [text.slice(0, first), text.slice(first, second), text.slice(second)];
        const { text: released, stopped } = scan(stops, pieces);
        expect({ text: released, stopped }).toEqual(cut(stops, text));
      }
    }
  });

  it('agrees with a plain search on random texts, unit by unit', () => {
    const stops = ['aba', 'bb', 'cabac', 'aaaa'];
    for (const text of randomTexts(500, 'aabc', 30)) {
      const { text: released, stopped } = scan(stops, [...text]);
      expect({ text: released, stopped }, text).toEqual(cut(stops, text));
    }
  });

  it('holds back only what may begin a stop string, and releases it when it does not', () => {
    expect(scan(['STOP'], ['a S', 'T', 'x', 'y']).released).toEqual(['a ', '', 'STx', 'y']);
  });

  it('has nothing more after a stop', () => {
    const scanner = new StopScanner(['.']);
    expect(scanner.push('a.b')).toEqual({ text: 'a', stopped: true });
    expect(scanner.push('c')).toEqual({ text: '', stopped: true });
    expect(scanner.end()).toBe('');
  });

  it('ignores an empty stop string', () => {
    expect(scan([''], ['abc'])).toMatchObject({ text: 'abc', stopped: false });
  });

  it('goes through a long text that nearly stops everywhere', () => {
    const text = 'ab'.repeat(200_000);
    expect(scan([`${'ab'.repeat(50)}c`], [text]).text === text).toBe(true);
  });
});

/** Text is text; a token in braces is special. */
function scanSpecial(stops: string[], pieces: string[]) {
  const scanner = new StopScanner(stops);
  const released = pieces.map((piece) =>
    piece.startsWith('{') ? scanner.pushSpecial(piece.slice(1, -1)).text : scanner.push(piece).text,
  );
  return { text: released.join('') + (scanner.stopped ? '' : scanner.end()), stopped: scanner.stopped };
}

describe('a stop string with special tokens', () => {
  it.each([
    ['a token alone', ['<|tool|>'], ['a', 'b', '{<|tool|>}', 'c'], 'ab'],
    ['text before a token', ['b<|tool|>'], ['a', 'b', '{<|tool|>}', 'c'], 'a'],
    ['text after a token', ['<|tool|>c'], ['b', '{<|tool|>}', 'c', 'd'], 'b'],
    ['two tokens', ['<a><b>'], ['x', '{<a>}', '{<a>}', '{<b>}'], 'x'],
    ['text around a token', ['ab<x>cd'], ['xa', 'b', '{<x>}', 'c', 'd'], 'x'],
    ['a text beside it', ['c', '<|tool|>x'], ['b', '{<|tool|>}', 'c'], 'b'],
    ['its letters, where the model writes them out', ['<|tool|>'], ['a<|', 'tool', '|>b'], 'a'],
  ])('ends at %s', (_, stops, pieces, text) => {
    expect(scanSpecial(stops, pieces)).toEqual({ text, stopped: true });
  });

  it.each([
    ['a part of a token', ['tool'], ['a', '{<|tool|>}', 'b'], 'ab'],
    ['the end of a token and text', ['>b'], ['a', '{<|tool|>}', 'b'], 'ab'],
    ['text and the start of a token', ['a<'], ['a', '{<|tool|>}', 'b'], 'ab'],
    ['what only begins', ['<|tool|>c'], ['a', '{<|tool|>}', 'b'], 'ab'],
    ['what is never completed', ['b<|tool|>c'], ['a', 'b', '{<|tool|>}'], 'ab'],
  ])('passes over %s, and shows no token', (_, stops, pieces, text) => {
    expect(scanSpecial(stops, pieces)).toEqual({ text, stopped: false });
  });

  it('ends at a whole match that overlaps a part of a token', () => {
    expect(scanSpecial(['xx'], ['a', '{<x}', 'x', 'x'])).toEqual({ text: 'a', stopped: true });
  });
});
