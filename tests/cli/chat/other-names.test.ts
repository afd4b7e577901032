import { expect, it } from 'vitest';
import { readTyped } from '../../../dist/src/cli/chat/chat-commands.js';

it.each([
  ['/quit', '/exit'],
  ['/bye', '/exit'],
  ['/q', '/exit'],
  ['/reset', '/clear'],
  ['/imag', '/image'],
])('names for %s the command that is meant', (typed, meant) => {
  expect(readTyped({ text: typed, typedAlone: true })).toEqual({
    kind: 'refused',
    reason: `there is no ${typed}; did you mean ${meant}? To send it as a message, write /${typed}`,
  });
});
