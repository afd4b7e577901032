import { describe, expect, it } from 'vitest';
import { CHAT_HELP, readTyped } from '../../../dist/src/cli/chat/chat-commands.js';
import { ChatSettings } from '../../../dist/src/cli/chat/chat-settings.js';

const typed = (text: string, typedAlone = true) => readTyped({ text, typedAlone });

describe('what is typed', () => {
  it.each([
    ['/exit', 'exit', ''],
    ['/stats ', 'stats', ''],
    ['/system Be kind.  ', 'system', 'Be kind.'],
    ['/set temperature 0.7', 'set', 'temperature 0.7'],
    ['/save my talk.json', 'save', 'my talk.json'],
  ])('%s is a command', (text, name, argument) => {
    expect(typed(text)).toEqual({ kind: 'command', name, argument });
  });

  it.each(['hello', '/usr/bin is a folder', '/* code */', '// a comment', '/', '/3 is a third', ' /exit', ''])(
    '%j is a message as it is',
    (text) => {
      expect(typed(text)).toEqual({ kind: 'message', text });
    },
  );

  it.each(['/exit', '/system x', '//x'])('%s in a block, or pasted with other lines, is a message', (text) => {
    expect(typed(text, false)).toEqual({ kind: 'message', text });
  });

  it('with // in front is sent with one less', () => {
    expect(typed('//exit')).toEqual({ kind: 'message', text: '/exit' });
    expect(typed('///etc is it')).toEqual({ kind: 'message', text: '//etc is it' });
  });

  it.each([
    ['/sytem hello', /there is no \/sytem; did you mean \/system\? To send it as a message, write \/\/sytem/],
    ['/frobnicate', /there is no \/frobnicate; \/help lists the commands\. To send/],
    ['/clear all of it', /\/clear takes nothing after it\. To send/],
  ])('%s is neither sent nor done', (text, reason) => {
    expect(typed(text)).toEqual({ kind: 'refused', reason: expect.stringMatching(reason) });
  });

  it('has a list', () => {
    for (const name of ['system', 'retry', 'continue', 'save', 'load', 'set', 'clear', 'stats', 'help', 'exit'])
      expect(CHAT_HELP).toMatch(new RegExp(`^/${name}\\b`, 'm'));
  });
});

describe('the settings of a conversation', () => {
  it('are those of the command line, then what /set says, then what the makers suggest', () => {
    const settings = new ChatSettings({ topK: 3 }, { temperature: 0.6, topK: 20 });
    expect(settings.options).toEqual({ topK: 3 });
    expect(settings.allOptions).toEqual({ temperature: 0.6, topK: 3 });
    expect(settings.describe()).toBe("top-k 3; temperature 0.6 (as the model's makers suggest)");
    settings.set('temperature', '0');
    settings.set('top_k', 'default');
    settings.set('--stop', 'END');
    settings.set('ignore-eos', 'on');
    expect(settings.options).toEqual({ temperature: 0, stop: ['END'], ignoreEos: true });
    expect(settings.allOptions.topK).toBe(20);
    expect(settings.draws).toBe(false);
    expect(settings.describe()).toContain('stop "END"');
  });

  it('of a model without suggestions are the likeliest token', () => {
    const settings = new ChatSettings({}, {});
    expect([settings.describe(), settings.draws]).toEqual(['the likeliest token each time', false]);
  });

  it.each([
    ['temprature', '1', /no temprature; did you mean temperature\?/],
    ['frobnication', '1', /it takes max-tokens, max-reasoning-tokens, temperature, /],
    ['temperature', 'hot', /--temperature takes a number of at least 0, not "hot"/],
    ['top-p', '1.5', /--top-p takes/],
    ['ignore-eos', 'maybe', /on, off or default/],
  ])('refuse %s %s, and stay as they were', (name, value, message) => {
    const settings = new ChatSettings({ temperature: 1 }, {});
    expect(() => settings.set(name, value)).toThrowError(
      expect.objectContaining({ code: 'BAD_USAGE', message: expect.stringMatching(message) }),
    );
    expect(settings.options).toEqual({ temperature: 1 });
  });
});
