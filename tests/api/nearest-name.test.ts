import { expect, test } from 'vitest';
import { nearestName } from '../../dist/src/api/nearest-name.js';

const NAMES = ['run', 'chat', 'convert', 'tokenize', 'contextSize'];

test.for<[string, string | null]>([
  ['convert', 'convert'],
  // One letter changed, one left out, one too many, two neighbours swapped.
  ['tokenise', 'tokenize'],
  ['contextSie', 'contextSize'],
  ['chatt', 'chat'],
  ['contxetSize', 'contextSize'],
  ['rum', 'run'],
  // Two of three letters would be wrong.
  ['ram', null],
  ['x', null],
  ['', null],
])('"%s" likely means %s', ([given, meant]) => expect(nearestName(given, NAMES)).toBe(meant));

test('of names that are equally near the first is meant, and of none, none', () => {
  expect(nearestName('bat', ['cat', 'hat'])).toBe('cat');
  expect(nearestName('bat', [])).toBeNull();
});
