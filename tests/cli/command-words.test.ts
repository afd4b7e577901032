import { describe, expect, it } from 'vitest';
import {
  COMMANDS,
  FLAGS,
  inCommandWords,
  tellFailure,
  warnedInCommandWords,
} from '../../dist/src/cli/output/command-words.js';
import { buildProgram } from '../../dist/src/cli/program.js';
import { FlashrowError } from '../../dist/src/errors.js';

describe('a text of the library, for the command line', () => {
  it.each([
    ['raise `memory`', 'raise --memory'],
    ["use `tuning.selector: 'all'`", 'use --select all'],
    ["use `tuning.cache: 'window:4'`", 'use --cache window:4'],
    ['give `exact: false`', 'give --lossy'],
    ['keep `exact: true`', 'keep no --lossy'],
    ['give `tuning.direct: false`', 'give --no-direct'],
    ['check `token`', 'check --token or HF_TOKEN'],
    ['run `calibrateStore()` first', 'run `flashrow calibrate` first'],
    ['`compareSelectors()` says', '`flashrow eval --compare` says'],
    ['the file `/models/memory`', 'the file `/models/memory`'],
    ['no memory is left for the threads', 'no memory is left for the threads'],
    ['{ signal } and `signal`', '{ signal } and `signal`'],
  ])('%s', (said, told) => {
    expect(inCommandWords(said)).toBe(told);
  });

  it('is told so in the warnings of a result, too', () => {
    const told = warnedInCommandWords({ text: '`memory`', warnings: ['raise `memory`'] });
    expect(told).toEqual({ text: '`memory`', warnings: ['raise --memory'] });
  });

  it('names flags and commands that there are', () => {
    const { commands } = buildProgram();
    const flags = commands.flatMap(({ options }) => options.map(({ long }) => long));
    expect(Object.values(FLAGS).filter((flag) => !flags.includes(flag))).toEqual([]);
    const names = commands.map((command) => command.name());
    expect(Object.values(COMMANDS).filter((command) => !names.includes(command.split(' ')[0]))).toEqual([]);
  });
});

describe('a failure of the library, for the command line', () => {
  it('names the flag of its option, where it begins with it', () => {
    const error = new FlashrowError('BAD_USAGE', 'topP is above 0 and at most 1, not 2', { option: 'topP' });
    expect(tellFailure(error)).toEqual({
      code: 'BAD_USAGE',
      message: '--top-p is above 0 and at most 1, not 2',
      details: { option: '--top-p' },
    });
  });

  it('leaves the failures of the command line as they are', () => {
    const error = new FlashrowError('BAD_USAGE', '--memory takes bytes', { option: '--memory', value: 'much' });
    expect(tellFailure(error)).toEqual({ code: 'BAD_USAGE', message: error.message, details: error.details });
  });

  it.each([
    [{ action: 'pull', model: 'o/m:Q8_0' }, 'flashrow pull o/m:Q8_0'],
    [{ action: 'list' }, 'flashrow list'],
    [{ action: 'list', cacheDir: '/c' }, 'flashrow list --cache-dir /c'],
    [{ action: 'remove', name: 'm-0123456789abcdef', cacheDir: '/c' }, 'flashrow rm m-0123456789abcdef --cache-dir /c'],
  ] as const)('says which command does it: %j', (remedy, command) => {
    const error = new FlashrowError('NOT_FOUND', 'nothing is there', { name: 'm', remedy });
    expect(tellFailure(error).message).toBe(`nothing is there (\`${command}\`)`);
  });
});
