import { beforeAll, describe, expect, test } from 'vitest';
import type { GenerationResult } from '../../src/contract/generation.js';
import { flashrow, flashrowJson } from '../support/flashrow.js';
import { TALES } from '../support/shipped.js';

const PROMPT = ['--prompt', 'Once upon a time', '--context', '64', '--threads', '1'];
const SHORT = ['--max-tokens', '24'];
let whole = '';
let word = '';

beforeAll(async () => {
  whole = (await flashrowJson<GenerationResult>(['run', TALES, ...PROMPT, ...SHORT])).json.text;
  word = whole.split(' ')[5];
});

describe('--stop', () => {
  const cases: [string, (text: string) => string[]][] = [
    ['before the model', (text) => ['--stop', text, TALES, ...PROMPT, ...SHORT]],
    ['as --stop=text', (text) => [`--stop=${text}`, TALES, ...PROMPT, ...SHORT]],
    ['repeated', (text) => [TALES, ...PROMPT, ...SHORT, '--stop', 'nowhere', '--stop', text]],
    ['with several texts at the end', (text) => [TALES, ...PROMPT, ...SHORT, '--stop', 'nowhere', text]],
    ['with several texts before an option', (text) => [TALES, ...PROMPT, '--stop', 'nowhere', text, ...SHORT]],
    [
      'with several texts, twice',
      (text) => [TALES, '--stop', 'a b', 'c d', ...PROMPT, ...SHORT, '--stop', 'e f', text],
    ],
  ];

  test.each(cases)('%s ends the text before it', async (_, args) => {
    const { exitCode, json, stderr } = await flashrowJson<GenerationResult>(['run', ...args(word)]);
    expect(exitCode, stderr).toBe(0);
    expect(json).toMatchObject({ finishReason: 'stop', text: whole.slice(0, whole.indexOf(word)) });
  });

  test('takes a text that looks like an option only where that is said', async () => {
    for (const option of ['--json', '--seed', '--help', '--prompt']) {
      const { exitCode, json } = await flashrowJson(['run', TALES, ...PROMPT, '--stop', option]);
      expect([exitCode, json.error.code]).toEqual([2, 'BAD_USAGE']);
      expect(json.error.message).toContain(`not the option ${option}; write --stop=${option}`);
    }
    const { exitCode } = await flashrow(['run', TALES, ...PROMPT, ...SHORT, '--stop=--json', '--stop', '---']);
    expect(exitCode).toBe(0);
  });

  test('leaves other arguments too many, and does not guess which is the model', async () => {
    for (const args of [
      [TALES, 'more', 'words', '--stop', 'text'],
      ['--stop', 'text', 'more', TALES],
      ['--stop', 'text', 'more', '--seed', '1', TALES],
    ]) {
      const { exitCode, json } = await flashrowJson(['run', ...args, ...PROMPT]);
      expect([exitCode, json.error.code]).toEqual([2, 'BAD_USAGE']);
      expect(json.error.message).toContain('too many arguments');
    }
  });
});
