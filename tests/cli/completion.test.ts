import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { completionsFor } from '../../dist/src/cli/commands/completions.js';
import { buildProgram } from '../../dist/src/cli/program.js';

const complete = async (...words: string[]) =>
  completionsFor(buildProgram(), words, async (cacheDir) => [`o/model:Q8_0`, `store-of-${cacheDir}`]);

describe('what may stand in a place', () => {
  test('commands, and no hidden one', async () => {
    expect((await complete('p')).words).toEqual(['plan', 'pull']);
    expect((await complete('')).words).not.toContain('__complete');
    expect((await complete('help', 'to')).words).toEqual(['tokenize']);
  });

  test('options of a command, by another name of it too', async () => {
    expect((await complete('run', 'm', '--top')).words).toEqual(['--top-k', '--top-p']);
    expect((await complete('ls', '--c')).words).toEqual(['--cache-dir']);
  });

  test('values of an option, behind it or behind =', async () => {
    expect((await complete('run', 'm', '--state', '')).words).toEqual(['f16', 'f32', 'q8']);
    expect((await complete('run', 'm', '--state=')).words).toEqual(['--state=f16', '--state=f32', '--state=q8']);
    expect(await complete('run', 'm', '--prompt', 'r')).toEqual({ words: [], paths: 'none' });
    expect(await complete('eval', 'm', '--text', '')).toEqual({ words: [], paths: 'files' });
    expect(await complete('tokenize', 'm', '--text', '')).toEqual({ words: [], paths: 'none' });
    expect(await complete('run', '--cache-dir', '')).toEqual({ words: [], paths: 'folders' });
  });

  test('names of models and files where a model stands, in the cache folder that was named', async () => {
    expect(await complete('run', 'o/')).toEqual({ words: ['o/model:Q8_0'], paths: 'files' });
    expect(await complete('run', '--cache-dir', 'c', 's')).toEqual({ words: ['store-of-c'], paths: 'files' });
    expect(await complete('bench', 'o/')).toEqual({ words: ['o/model:Q8_0'], paths: 'files' });
    expect(await complete('rm', 's')).toEqual({ words: ['store-of-undefined'], paths: 'none' });
    expect(await complete('run', 'm', '')).toEqual({ words: [], paths: 'none' });
    expect(await complete('nope', '')).toEqual({ words: [], paths: 'none' });
  });
});

/** A shell is asked with the script that it would read in. Where it is not installed the test is left out. */
const missing = (shell: string) => spawnSync(shell, ['-c', 'true']).error !== undefined;
const unless = (shell: string) => (missing(shell) ? ` (left out: ${shell} is not installed)` : '');

let scratch = '';
let env: NodeJS.ProcessEnv;

beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), 'flashrow-completion-'));
  const program = join(scratch, 'bin', 'flashrow');
  mkdirSync(join(scratch, 'bin'));
  const main = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url));
  writeFileSync(program, `#!/bin/sh\nexec '${process.execPath}' '${main}' "$@"\n`);
  chmodSync(program, 0o755);
  mkdirSync(join(scratch, 'cache', 'models', 'o', 'm'), { recursive: true });
  writeFileSync(join(scratch, 'cache', 'models', 'o', 'm', 'm-Q8_0.gguf'), 'GGUF');
  writeFileSync(join(scratch, 'olive.txt'), '');
  env = {
    ...{ PATH: `${join(scratch, 'bin')}${delimiter}${process.env.PATH}`, HOME: scratch, LC_ALL: 'C' },
    FLASHROW_CACHE: join(scratch, 'cache'),
  };
});

afterAll(() => rmSync(scratch, { recursive: true }));

const ask = (shell: string, args: string[]) =>
  execFileSync(shell, args, { env, cwd: scratch, encoding: 'utf8' })
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.split('\t')[0].trim());

const BASH = `source <(flashrow completion bash); COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _flashrow; printf '%s\\n' "\${COMPREPLY[@]}"`;
const bash = (...words: string[]) => ask('bash', ['-c', BASH, 'bash', ...words]);

describe.skipIf(missing('bash'))(`in bash${unless('bash')}`, () => {
  test('commands, options and values', () => {
    expect(bash('flashrow', 'tok')).toEqual(['tokenize']);
    expect(bash('flashrow', 'run', 'm', '--mem')).toEqual(['--memory']);
    // Bash makes three words of --state=.
    expect(bash('flashrow', 'run', 'm', '--state', '=', '')).toEqual(['f16', 'f32', 'q8']);
  });

  test('names with a colon, and files', () => {
    expect(bash('flashrow', 'run', 'o')).toEqual(['o/m:Q8_0', 'olive.txt']);
    expect(bash('flashrow', 'rm', 'o/m', ':', 'Q')).toEqual(['Q8_0']);
  });
});

// The functions of zsh that show candidates work in its line editor alone: these print what they are given.
const ZSH = `compadd() { shift; print -l -- "$@"; }; _files() { print -- FILES "$@"; }
source <(flashrow completion zsh); words=("$@"); CURRENT=$#; _flashrow`;
const zsh = (...words: string[]) => ask('zsh', ['-f', '-c', ZSH, 'zsh', ...words]);

describe.skipIf(missing('zsh'))(`in zsh${unless('zsh')}`, () => {
  test('commands, options, names and files', () => {
    expect(zsh('flashrow', 'tok')).toEqual(['tokenize']);
    expect(zsh('flashrow', 'run', 'm', '--mem')).toEqual(['--memory']);
    expect(zsh('flashrow', 'run', 'o/')).toEqual(['o/m:Q8_0', 'FILES']);
    expect(zsh('flashrow', 'run', '--cache-dir', '')).toEqual(['FILES -/']);
  });
});

const fish = (line: string) => ask('fish', ['-c', `flashrow completion fish | source; complete -C '${line}'`]);

describe.skipIf(missing('fish'))(`in fish${unless('fish')}`, () => {
  test('commands, options, names and files', () => {
    expect(fish('flashrow tok')).toEqual(['tokenize']);
    expect(fish('flashrow run m --mem')).toEqual(['--memory']);
    expect(fish('flashrow run o')).toEqual(['o/m:Q8_0', 'olive.txt']);
    expect(fish('flashrow run --state ')).toEqual(['f16', 'f32', 'q8']);
  });
});
