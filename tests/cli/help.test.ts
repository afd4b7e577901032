import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, test } from 'vitest';
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
  '--parallel',
];
const GENERATE = [
  '--max-tokens',
  '--max-reasoning-tokens',
  '--temperature',
  '--top-k',
  '--top-p',
  '--min-p',
  '--typical-p',
  '--xtc-probability',
  '--xtc-threshold',
  '--repeat-penalty',
  '--presence-penalty',
  '--frequency-penalty',
  '--penalty-window',
  '--dry-multiplier',
  '--dry-base',
  '--dry-allowed-length',
  '--dry-window',
  '--logit-bias',
  '--seed',
  '--stop',
  '--ignore-eos',
];

const PICTURES = ['--image', '--mmproj'];

/** The contract of the command line: every option each command documents. */
const OPTIONS: Record<string, string[]> = {
  run: [
    '--prompt',
    '--file',
    '--tokens',
    '--parse-special',
    '--no-parse-special',
    '--chat',
    '--template-var',
    '--chat-template',
    '--trace',
    '--save-state',
    '--load-state',
    '--draft',
    '--region',
    '--annotate',
    ...PICTURES,
    ...GENERATE,
    ...SHARED,
  ],
  chat: [
    ...['--draft', '--system', '--chat-template', '--template-var', '--region', '--annotate'],
    ...PICTURES,
    ...GENERATE,
    ...SHARED,
  ],
  serve: [
    '--port',
    '--host',
    '--api-key',
    '--cors-origins',
    '--allowed-hosts',
    '--chat-template',
    '--max-queue',
    '--max-body',
    '--max-reasoning-tokens',
    '--keep-alive',
    '--sessions-dir',
    '--sessions-size',
    '--draft',
    ...SHARED,
  ],
  logprobs: ['--prompt', '--tokens', '--top', '--region', '--seed', ...PICTURES, ...SHARED],
  eval: ['--text', '--sequences', '--compare', ...SHARED],
  tokenize: ['--text', '--file', '--no-special', '--cache-dir'],
  plan: [...SHARED, '--draft', '--prompt-tokens', '--disk-speed', '--memory-speed', '--region', ...PICTURES],
  doctor: ['--size'],
  bench: ['--size', ...SHARED],
  build: ['--force'],
  pull: ['--revision', '--token', '--endpoint', '--stall-timeout', '--dry-run', ...SHARED],
  list: ['--cache-dir'],
  rm: ['--cache-dir'],
  convert: ['--rows', '--dense'],
  'apply-delta': ['--mmproj'],
  verify: ['--cache-dir'],
  calibrate: ['--text', '--tokens', '--false-negatives', '--rank', '--seed', '--memory', '--threads', '--cache-dir'],
  replay: ['--memory', '--cold', '--one-by-one'],
  help: [],
  completion: [],
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
    const program = buildProgram();
    const names = program
      .createHelp()
      .visibleCommands(program)
      .map((command) => command.name());
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

/** All that `help` prints of a command, on a terminal of so many columns. */
function helpAt(columns: number, name?: string): string {
  const program = buildProgram();
  const command = name === undefined ? program : program.commands.find((candidate) => candidate.name() === name)!;
  let text = '';
  process.stdout.columns = columns;
  command.configureOutput({ getOutHelpWidth: () => columns, writeOut: (part) => (text += part) });
  command.outputHelp();
  return text;
}

/** The words of a command line, as a shell splits these: quotes, and no redirections. */
const wordsOf = (line: string) =>
  [...line.replace(/ (<|>).*/, '').matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain);

describe.each([undefined, ...Object.keys(OPTIONS)])('the help of %s', (name) => {
  const columnsBefore = process.stdout.columns;
  afterEach(() => {
    process.stdout.columns = columnsBefore;
  });

  test.for([40, 60, 80])('fits %i columns', (columns) => {
    const tooLong = helpAt(columns, name)
      .split('\n')
      // The usage and an example stay one line each, to be copied.
      .filter((line) => line.length > columns && !/^(Usage: | {2}[$#])/.test(line));
    expect(tooLong).toEqual([]);
  });

  test('has examples, and each of them parses', async () => {
    const lines = [...helpAt(80, name).matchAll(/^ {2}\$ (flashrow .*)$/gm)].map(([, line]) => line);
    expect(lines.length).toBeGreaterThan(0);
    for (const line of lines) {
      const program = buildProgram();
      const acted: string[] = [];
      for (const command of program.commands) {
        command.action(() => {
          acted.push(command.name());
        });
      }
      const [, ...args] = wordsOf(line);
      await program.parseAsync(args, { from: 'user' });
      expect(acted, line).toEqual([args[0]]);
      if (name !== undefined) expect(args[0]).toBe(name);
    }
  });
});

describe.concurrent('what is misspelled', () => {
  test.for<[string[], string]>([
    [['nope'], "unknown command 'nope'. See `flashrow help`"],
    [['help', 'nope'], "unknown command 'nope'. See `flashrow help`"],
    [['help', 'tokenise'], 'Did you mean tokenize?'],
    [['models'], 'Did you mean list?'],
    [['quantize', 'a'], 'Did you mean convert?'],
    [['run', 'm', '-n', '5'], 'Did you mean --max-tokens?'],
    [['run', 'm', '--temp', '1'], 'Did you mean --temperature?'],
    [['plan', 'm', '--ctx-size', '1'], 'Did you mean --context?'],
    [['run', 'm', '--max-tokns', '5'], 'see `flashrow help run`'],
  ])('%j is told with a way on', async ([args, told]) => {
    const { exitCode, stdout, stderr } = await flashrow(args);
    expect([exitCode, stdout]).toEqual([2, '']);
    expect(stderr).toContain(told);
    expect(stderr.split('\n')).toHaveLength(2);
  });

  test('-v is the version', async () => {
    const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
    expect(await flashrow(['-v'])).toMatchObject({ exitCode: 0, stdout: `${version}\n` });
  });

  test.for([
    [['ls', '--cache-dir', '/nowhere'], 'nothing yet'],
    [['help', 'generate'], 'Usage: flashrow run|generate'],
    [['help', 'remove'], 'Usage: flashrow rm|remove'],
  ] as const)('%j is a command too', async ([args, told]) => {
    const { exitCode, stdout } = await flashrow([...args]);
    expect([exitCode, stdout.includes(told)]).toEqual([0, true]);
  });
});
