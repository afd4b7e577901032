import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { templateVariable } from '../../dist/src/cli/options/template-variables.js';
import type { GenerationResult } from '../../src/contract/generation.js';
import { flashrow, flashrowJson } from '../support/flashrow.js';
import { TALES } from '../support/shipped.js';

const SHORT = ['--max-tokens', '6', '--context', '128', '--threads', '1'];
const PROMPT = 'Once upon a time\nthere was';
let scratch = '';
let expected: GenerationResult;

const run = (args: string[], input?: string) =>
  flashrowJson<GenerationResult>(['run', TALES, ...SHORT, ...args], input);

beforeAll(async () => {
  scratch = mkdtempSync(join(tmpdir(), 'flashrow-prompt-'));
  writeFileSync(join(scratch, 'prompt.txt'), PROMPT);
  writeFileSync(join(scratch, 'bom.txt'), `\ufeff${PROMPT}`);
  writeFileSync(join(scratch, 'utf16.txt'), Buffer.from(`\ufeff${PROMPT}`, 'utf16le'));
  writeFileSync(join(scratch, 'latin1.txt'), Buffer.from('Z\u00fcrich', 'latin1'));
  expected = (await run(['--prompt', PROMPT])).json;
});

afterAll(() => rmSync(scratch, { recursive: true }));

test('a note never follows the text of an answer on its line, in a pipe either', async () => {
  const { stderr } = await flashrow(['run', TALES, ...SHORT, '--prompt', PROMPT, '--top-k', '5']);
  expect(stderr).toMatch(/^\n.* generated: .*\nnote: --top-k changed nothing/);
});

describe('the prompt of run', () => {
  test.for<[string, () => [string[], string?]]>([
    ['is the argument after the model', () => [[PROMPT]]],
    ['is what -p says', () => [['-p', PROMPT]]],
    ['comes from a file', () => [['--file', join(scratch, 'prompt.txt')]]],
    ['loses the byte order mark of a file', () => [['--file', join(scratch, 'bom.txt')]]],
    ['comes from stdin by --file -', () => [['--file', '-'], PROMPT]],
    ['is what is piped to stdin where there is no other', () => [[], PROMPT]],
    ['is the argument, whatever is piped', () => [[PROMPT], 'something else']],
  ])('%s', async ([, given]) => {
    const { exitCode, json, stderr } = await run(...given());
    expect(exitCode, stderr).toBe(0);
    expect(json).toMatchObject({ text: expected.text, usage: expected.usage });
  });

  test('an argument and stop texts are told apart', async () => {
    const stop = expected.text.trim().split(' ')[1];
    const { json } = await run([PROMPT, '--stop', 'nowhere', stop]);
    expect(json).toMatchObject({ finishReason: 'stop', text: expected.text.slice(0, expected.text.indexOf(stop)) });
  });

  test('is longer than an argument of a command line may be', async () => {
    // Linux takes 128 KiB in one argument; the model's context is what limits this one.
    const { exitCode, json } = await flashrowJson(
      ['run', TALES, '--context', '64'],
      'Once upon a time '.repeat(10_000),
    );
    expect([exitCode, json.error.code]).toEqual([1, 'CONTEXT_OVERFLOW']);
  });

  test.for<[string, () => string[], string]>([
    ['two prompts', () => [PROMPT, '--prompt', PROMPT], 'a prompt after the model or --prompt, not both'],
    ['a file and a prompt', () => ['--file', join(scratch, 'prompt.txt'), '-p', 'a'], '--prompt or --file, not both'],
    ['words without quotes', () => ['Once', 'upon', 'a', 'time'], 'too many arguments'],
    ['a text in UTF-16', () => ['--file', join(scratch, 'utf16.txt')], 'UTF-16, not UTF-8'],
    ['a text in Latin 1', () => ['--file', join(scratch, 'latin1.txt')], 'not valid UTF-8'],
    ['a variable without --chat', () => [PROMPT, '--template-var', 'a=1'], '--template-var goes with --chat'],
    ['special tokens in --chat', () => [PROMPT, '--chat', '--parse-special'], 'does not go with --chat'],
    ['nothing, and an empty stdin', () => [], 'nothing to continue'],
  ])('%s: refused', async ([, args, message]) => {
    const { exitCode, json } = await flashrowJson(['run', TALES, ...SHORT, ...args()]);
    expect([exitCode, json.error?.code]).toEqual([2, 'BAD_USAGE']);
    expect(json.error.message).toContain(message);
  });
});

test('tokenize takes a file byte for byte, and says that a byte order mark is among the ids', async () => {
  const ids = async (name: string) =>
    flashrowJson<{ tokens: number[] }>(['tokenize', TALES, '--file', join(scratch, name)]);
  const [plain, marked] = [await ids('prompt.txt'), await ids('bom.txt')];
  expect(marked.json.tokens.length).toBeGreaterThan(plain.json.tokens.length);
  expect([plain.stderr, marked.stderr.includes('byte order mark')]).toEqual(['', true]);
});

test('variables of a template are JSON where they parse', () => {
  const given = [
    'enable_thinking=false',
    'n=3',
    'list=["a"]',
    'text=false or true',
    'quoted="false"',
    'empty=',
    'a=b=c',
  ];
  expect(given.reduce((earlier, text) => templateVariable(text, earlier), {})).toEqual({
    ...{ enable_thinking: false, n: 3, list: ['a'], text: 'false or true', quoted: 'false', empty: '', a: 'b=c' },
  });
  for (const text of ['enable_thinking', '=1', '1a=1', 'a b=1']) {
    expect(() => templateVariable(text)).toThrow('--template-var takes name=value');
  }
});
