import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { loadChat, saveChat, typedPath } from '../../../dist/src/cli/chat/saved-chat.js';

const folder = mkdtempSync(join(tmpdir(), 'flashrow-saved-'));
afterAll(() => rmSync(folder, { recursive: true }));

const TALK = {
  model: 'tiny.gguf',
  messages: [
    { role: 'system', content: 'Be kind.' },
    { role: 'user', content: 'two\nlines, "quoted", \u{1f600}, \u0000' },
    { role: 'assistant', content: '' },
  ],
};

describe('a saved conversation', () => {
  it('comes back as it was, and is written over by a later one', () => {
    const path = join(folder, 'talk.json');
    saveChat(path, { ...TALK, messages: [] });
    saveChat(path, TALK);
    expect(loadChat(path)).toEqual(TALK);
    expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual({ format: 'flashrow-chat', version: 1, ...TALK });
    expect(readdirSync(folder)).toEqual(['talk.json']);
  });

  it.each(['{"precious": 1}', 'no JSON', ''])('is never written over another file: %s', (text) => {
    const path = join(folder, 'other');
    writeFileSync(path, text);
    expect(() => saveChat(path, TALK)).toThrowError(expect.objectContaining({ code: 'BAD_USAGE', details: { path } }));
    expect(readFileSync(path, 'utf8')).toBe(text);
    rmSync(path);
  });

  it('that cannot be written leaves nothing', () => {
    const path = join(folder, 'no', 'such', 'folder.json');
    expect(() => saveChat(path, TALK)).toThrowError(expect.objectContaining({ code: 'NOT_WRITABLE' }));
    mkdirSync(join(folder, 'taken'));
    expect(() => saveChat(join(folder, 'taken'), TALK)).toThrowError(expect.objectContaining({ code: 'NOT_WRITABLE' }));
    expect(readdirSync(folder).sort()).toEqual(['taken', 'talk.json']);
  });

  const good = { format: 'flashrow-chat', version: 1, ...TALK };
  const message = (fields: object) => ({ ...good, messages: [{ role: 'user', content: 'hi' }, fields] });
  it.each([
    ['CORRUPT', /no saved conversation/, 'once upon a time'],
    ['CORRUPT', /no saved conversation/, [1, 2]],
    ['CORRUPT', /no saved conversation/, { ...good, format: 'else' }],
    ['UNSUPPORTED', /version 2.*reads version 1/, { ...good, version: 2 }],
    ['UNSUPPORTED', /version "1"/, { ...good, version: '1' }],
    ['UNSUPPORTED', /has tools, which/, { ...good, tools: [] }],
    ['CORRUPT', /model is 7/, { ...good, model: 7 }],
    ['CORRUPT', /messages is .*not a list/, { ...good, messages: {} }],
    ['CORRUPT', /messages\[1\] is null/, { ...good, messages: [good.messages[0], null] }],
    ['CORRUPT', /messages\[1\]\.role is/, message({ content: 'x' })],
    ['CORRUPT', /messages\[1\]\.content is/, message({ role: 'user', content: ['x'] })],
    ['UNSUPPORTED', /messages\[1\]\.tool_calls, which/, message({ role: 'assistant', content: '', tool_calls: [] })],
  ])('of which something cannot be kept is refused by name: %s %s', (code, text, value) => {
    const path = join(folder, 'bad.json');
    writeFileSync(path, typeof value === 'string' ? value : JSON.stringify(value));
    expect(() => loadChat(path)).toThrowError(expect.objectContaining({ code, message: expect.stringMatching(text) }));
    rmSync(path);
  });

  it('that is not there, or is no text, is told apart', () => {
    expect(() => loadChat(join(folder, 'absent'))).toThrowError(expect.objectContaining({ code: 'NOT_FOUND' }));
    expect(() => loadChat(folder)).toThrowError(expect.objectContaining({ code: 'IO' }));
    const path = join(folder, 'latin1');
    writeFileSync(path, Buffer.from([0x7b, 0xe9, 0x7d]));
    expect(() => loadChat(path)).toThrowError(expect.objectContaining({ code: 'CORRUPT' }));
    rmSync(path);
  });

  it('may be named from the home folder', () => {
    expect(typedPath('~/talk.json')).toBe(join(homedir(), 'talk.json'));
    expect(typedPath('a~/b c')).toBe('a~/b c');
  });
});
