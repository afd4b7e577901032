import { expect, test } from 'vitest';
import { visibleText } from '../../dist/src/cli/output/visible-text.js';

// As `cat -v` writes bytes below 0x20 and 0x7f.
test('control characters become visible, line feed and tab stay', () => {
  expect(visibleText('a\tb\nc\u001b[2J\r\u0007\u0000\u007f')).toBe('a\tb\nc^[[2J^M^G^@^?');
});

test('C1 controls and marks of direction are shown by their number', () => {
  expect(visibleText('\u009b2J a\u202eb\u2066')).toBe('<U+009B>2J a<U+202E>b<U+2066>');
});

test('every other text stays as it is', () => {
  const text = 'Zürich, 東京, 👩‍🔬, עברית, ^[ and \u00a0';
  expect(visibleText(text)).toBe(text);
});
