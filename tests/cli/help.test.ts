import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { buildProgram } from '../../dist/src/cli/program.js';
import { flashrow } from '../support/flashrow.js';

const SHARED = [
  '--memory',
  '--context',
  '--threads',
  '--select',
  '--cache',
  '--state',
  '--lossy',
  '--no-direct',
  '--cache-dir',
];
const GENERATE = [
  '--max-tokens',
  '--temperature',
  '--top-k',
  '--top-p',
  '--min-p',
  '--repeat-penalty',
  '--seed',
  '--stop',
  '--ignore-eos',
];

/** The contract of the command line: every option each command documents. */
const OPTIONS: Record<string, string[]> = {
  run: ['--prompt', '--tokens', '--chat', '--chat-template', '--trace', ...GENERATE, ...SHARED],
  chat: ['--system', '--chat-template', ...GENERATE, ...SHARED],
  logprobs: ['--tokens', '--top', ...SHARED],
  eval: ['--text', '--sequences', '--compare', ...SHARED],
  tokenize: ['--text', '--file', '--no-special', '--cache-dir'],
  plan: [...SHARED, '--prompt-tokens'],
  doctor: ['--size'],
  pull: ['--revision', '--token', '--endpoint', '--stall-timeout', '--dry-run', ...SHARED],
  list: ['--cache-dir'],
  rm: ['--cache-dir'],
  convert: ['--rows', '--dense'],
  verify: ['--cache-dir'],
  calibrate: ['--text', '--tokens', '--false-negatives', '--rank', '--seed', '--memory', '--threads', '--cache-dir'],
  replay: ['--memory', '--cold', '--one-by-one'],
};

describe('help', () => {
  test.for(Object.entries(OPTIONS))('of %s lists every option of the contract and no other', ([name, expected]) => {
    const command = buildProgram().commands.find((candidate) => candidate.name() === name);
    const listed = [...(command?.helpInformation().matchAll(/^ {2}(?:-\w, )?(--[a-z-]+)/gm) ?? [])].map(
      (match) => match[1],
    );
    expect(listed.sort()).toEqual([...expected, '--json', '--help'].sort());
  });

  test('lists every command', () => {
    const names = buildProgram().commands.map((command) => command.name());
    expect(names.sort()).toEqual(Object.keys(OPTIONS).sort());
  });

  test('goes to stdout with exit code 0 when asked for', async () => {
    const { exitCode, stdout, stderr } = await flashrow(['run', '--help']);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(stdout).toContain('Usage: flashrow run');
  });

  test('--version prints the version of package.json', async () => {
    const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
    const { exitCode, stdout } = await flashrow(['--version']);
    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: `${version}\n` });
  });
});
