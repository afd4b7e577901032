import { describe, expect, test } from 'vitest';
import { flashrow, flashrowJson } from '../support/flashrow.js';

/** Arguments, and what the message must name so that the user knows what to change. */
const BAD_CALLS: [string[], string][] = [
  [['run'], "missing required argument 'model'"],
  [['run', 'm'], 'give a prompt after the model, --prompt <text>, --file <file> or --tokens <ids>'],
  [['run', 'm', '--prompt', 'a', '--tokens', '[1]'], 'not both'],
  [['run', 'm', '--tokens', '[1]', '--chat'], '--chat takes its message from a prompt after the model'],
  [['run', 'm', '--prompt', 'a', '--chat-template', 'f'], '--chat-template goes with --chat'],
  [['chat'], "missing required argument 'model'"],
  [['chat', 'm', '--stop', ''], '--stop takes a text'],
  [['run', 'm', '--prompt'], '--prompt'],
  [['run', 'm', 'n', '--prompt', 'a'], 'a prompt after the model or --prompt, not both'],
  [['run', 'm', 'n', 'o'], 'but got 3; a text of several words goes in quotes; see `flashrow help run`'],
  [['verify', 'm', 'n'], 'but got 2; see `flashrow help verify`'],
  [['run', '', 'hi'], '<model> is an empty text'],
  [['chat', ''], '<model> is an empty text'],
  [['rm', ''], '<name> is an empty text'],
  [['convert', 'm', ''], '<store> is an empty text'],
  [['doctor', ''], '<path> is an empty text'],
  [['list', '--cache-dir', ''], '--cache-dir is an empty text'],
  [['eval', 'm', '--text', ''], '--text is an empty text'],
  [['run', 'm', '--tokens', '[]'], '--tokens takes a JSON array of token ids'],
  [['run', 'm', '--tokens', '[1.5]'], '--tokens takes a JSON array of token ids'],
  [['run', 'm', '--tokens', '[-1]'], '--tokens takes a JSON array of token ids'],
  [['run', 'm', '--tokens', '1,2'], '--tokens takes a JSON array of token ids'],
  [['run', 'm', '--prompt', 'a', '--max-tokens', '-1'], '--max-tokens takes a whole number of at least 0'],
  [['run', 'm', '--prompt', 'a', '--max-tokens', '1.5'], '--max-tokens takes a whole number of at least 0'],
  [['run', 'm', '--prompt', 'a', '--max-tokens', ''], '--max-tokens takes a whole number of at least 0'],
  [['run', 'm', '--prompt', 'a', '--temperature', '-0.1'], '--temperature takes a number of at least 0'],
  [['run', 'm', '--prompt', 'a', '--temperature', 'NaN'], '--temperature takes a number of at least 0'],
  [['run', 'm', '--prompt', 'a', '--temperature', '1e999'], '--temperature takes a number of at least 0'],
  [['run', 'm', '--prompt', 'a', '--top-k', '2.5'], '--top-k takes a whole number of at least 0'],
  [['run', 'm', '--prompt', 'a', '--top-p', '0'], '--top-p takes a number above 0, at most 1'],
  [['run', 'm', '--prompt', 'a', '--top-p', '1.01'], '--top-p takes a number above 0, at most 1'],
  [['run', 'm', '--prompt', 'a', '--min-p', '2'], '--min-p takes a number from 0 to 1'],
  [['run', 'm', '--prompt', 'a', '--repeat-penalty', '0'], '--repeat-penalty takes a number above 0'],
  [['run', 'm', '--prompt', 'a', '--typical-p', '0'], '--typical-p takes a number above 0, at most 1'],
  [['run', 'm', '--prompt', 'a', '--presence-penalty', 'x'], '--presence-penalty takes a number'],
  [
    ['run', 'm', '--prompt', 'a', '--penalty-window', '-1'],
    '--penalty-window takes a whole number of at least 0, or all',
  ],
  [['run', 'm', '--prompt', 'a', '--dry-base', '0.5'], '--dry-base takes a number of at least 1'],
  [['run', 'm', '--prompt', 'a', '--logit-bias', '5'], '--logit-bias takes a token id and what is added to its logit'],
  [['run', 'm', '--prompt', 'a', '--logit-bias', '5+inf'], '--logit-bias takes a token id'],
  [['run', 'm', '--prompt', 'a', '--repeat-last-n', '64'], '--penalty-window'],
  [['run', 'm', '--prompt', 'a', '--seed', 'x'], '--seed takes a whole number'],
  [['run', 'm', '--prompt', 'a', '--seed', '99999999999999999999999'], 'at least 0, at most 9007199254740991'],
  [['run', 'm', '--prompt', 'a', '--stop', ''], '--stop takes a text'],
  [['run', 'm', '--prompt', 'a', '--memory', 'much'], '--memory takes bytes or an amount with a unit'],
  [['run', 'm', '--prompt', 'a', '--memory', '-5'], '--memory takes bytes or an amount with a unit'],
  [['run', 'm', '--prompt', 'a', '--context', '0'], '--context takes a whole number of at least 1'],
  [['run', 'm', '--prompt', 'a', '--threads', '0'], '--threads takes a whole number of at least 1'],
  [['run', 'm', '--prompt', 'a', '--select', 'best'], '--select takes auto, all, gate, low-rank, sign or router'],
  [['run', 'm', '--prompt', 'a', '--cache', 'hot'], 'pin or hot+lru'],
  [['run', 'm', '--prompt', 'a', '--cache', 'window:0'], '--cache takes auto, lru, lfu, window'],
  [['run', 'm', '--prompt', 'a', '--state', 'f64'], '--state takes f16, f32 or q8'],
  [['logprobs', 'm'], 'give --prompt <text> or --tokens <ids>'],
  [['logprobs', 'm', '--prompt', 'a', '--tokens', '[1]'], 'one of the two'],
  [['logprobs', 'm', '--tokens', '[1]', '--top', '0'], '--top takes a whole number of at least 1'],
  [['eval', 'm'], 'give --text <file> or --sequences <file>'],
  [['eval', 'm', '--text', 'a', '--sequences', 'b'], 'not both'],
  [['tokenize', 'm'], 'give --text <text> or --file <file>'],
  [['tokenize', 'm', '--text', 'a', '--file', 'b'], 'not both'],
  [['plan'], "missing required argument 'model'"],
  [['plan', 'm', '--memory', '1.5 bananas'], '--memory takes bytes or an amount with a unit'],
  [['convert', 'm'], "missing required argument 'store'"],
  [['convert', 'm', 's', '--rows', 'q9'], '--rows takes source, f32, f16, q4_0, q4_1 or q8_0'],
  [['convert', 'm', 's', '--dense', 'q4_K'], '--dense takes source, f32, f16, q4_0, q4_1 or q8_0'],
  [['replay', 't'], '--memory <bytes>'],
  [['replay', 't', '--memory', 'much'], '--memory takes bytes or an amount with a unit'],
  [['calibrate', 'm'], 'give --text <file>'],
  [['calibrate', 'm', '--text', 't', '--rank', '48'], '--rank takes a multiple of 32'],
  [['calibrate', 'm', '--text', 't', '--false-negatives', '1'], '--false-negatives takes a share between 0 and 1'],
  [['verify'], "missing required argument 'store'"],
  [['verify', 's', '--no-such-option'], "unknown option '--no-such-option'"],
];

// Each case is a process of its own: a few run at once, so that the file stays short without crowding the machine.
describe.concurrent('bad usage', () => {
  test.for(BAD_CALLS)('%j is refused with JSON and exit code 2', async ([args, named]) => {
    const { exitCode, json } = await flashrowJson(args);
    expect(json).toEqual({
      error: { code: 'BAD_USAGE', message: expect.stringContaining(named), details: expect.any(Object) },
    });
    expect(exitCode).toBe(2);
  });

  test('without --json stdout stays empty and the message is on stderr', async () => {
    const { exitCode, stdout, stderr } = await flashrow(['run', 'm', '--prompt', 'a', '--top-p', '7']);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).toBe('error: --top-p takes a number above 0, at most 1, not "7" [BAD_USAGE]\n');
  });

  test('a misspelled option is answered with the right one', async () => {
    const { json } = await flashrowJson(['run', 'm', '--max-tokns', '5']);
    expect(json.error.message).toContain('Did you mean --max-tokens?');
  });

  test('a misspelled command is answered with the right one', async () => {
    const { exitCode, stderr } = await flashrow(['tokenise', 'm']);
    expect(exitCode).toBe(2);
    expect(stderr).toContain('Did you mean tokenize?');
  });

  test('no command at all shows the help on stderr', async () => {
    const { exitCode, stdout, stderr } = await flashrow([]);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).toContain('Usage: flashrow');
  });

  test.for<[string[], string, string]>([
    [['verify', 'package.json/x'], 'NOT_FOUND', 'package.json/x: a part of the path is a file, not a folder (ENOTDIR)'],
    [['run', 'm', '--file', 'package.json/x'], 'NOT_FOUND', '--file package.json/x: there is no such file'],
    [['replay', '/', '--memory', '1MB'], 'IO', 'cannot read the trace /: it is a folder, not a file (EISDIR)'],
  ])('%j tells in words what the system said', async ([args, code, message]) => {
    const { json } = await flashrowJson(args);
    expect(json.error).toMatchObject({ code, message });
  });

  test('a file that is not there is NOT_FOUND', async () => {
    const { exitCode, json } = await flashrowJson(['eval', 'm', '--text', '/no/such/file']);
    expect(json.error).toEqual({
      code: 'NOT_FOUND',
      message: expect.stringContaining('/no/such/file'),
      details: expect.any(Object),
    });
    expect(exitCode).toBe(1);
  });
});
