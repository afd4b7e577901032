import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test, vi } from 'vitest';
import { reportFailure } from '../../dist/src/cli/output/failure.js';
import { notice, printJson, printModelText } from '../../dist/src/cli/output/output.js';
import { FlashrowError } from '../../dist/src/errors.js';

afterEach(() => vi.restoreAllMocks());

const captured = (stream: NodeJS.WriteStream) => {
  const written: string[] = [];
  vi.spyOn(stream, 'write').mockImplementation((text) => written.push(String(text)) > 0);
  return written;
};

test('NaN and infinity are null in JSON, wherever they are', () => {
  const written = captured(process.stdout);
  printJson({
    perplexity: Number.NaN,
    rows: [[[3, Number.NEGATIVE_INFINITY]]],
    receipt: { speed: Number.POSITIVE_INFINITY },
  });
  expect(written).toEqual(['{"perplexity":null,"rows":[[[3,null]]],"receipt":{"speed":null}}\n']);
});

test('a failure keeps its code, message and details, and exits with 1', () => {
  const written = captured(process.stdout);
  const exitCode = reportFailure(new FlashrowError('INSUFFICIENT_MEMORY', 'too small', { minimumBytes: 7 }), true);
  expect(exitCode).toBe(1);
  expect(JSON.parse(written.join(''))).toEqual({
    error: { code: 'INSUFFICIENT_MEMORY', message: 'too small', details: { minimumBytes: 7 } },
  });
});

test('what nobody foresaw is IO, without a stack', () => {
  const written = captured(process.stderr);
  expect(reportFailure(new TypeError('x is not a function'), false)).toBe(1);
  expect(written).toEqual(['error: x is not a function [IO]\n']);
});

test('at a terminal a note or a failure begins on a line of its own behind the text of a model', () => {
  const shown: string[] = [];
  for (const stream of [process.stdout, process.stderr])
    vi.spyOn(stream, 'write').mockImplementation((text) => shown.push(String(text)) > 0);
  const { isTTY } = process.stdout;
  process.stdout.isTTY = true;
  try {
    printModelText('Hello there!');
    notice('note: first');
    notice('note: second');
    printModelText('And more');
    reportFailure(new FlashrowError('ABORTED', 'closed'), false);
    printModelText('a line\n');
    notice('note: third');
  } finally {
    process.stdout.isTTY = isTTY;
  }
  expect(shown.join('')).toBe(
    'Hello there!\nnote: first\nnote: second\nAnd more\nerror: closed [ABORTED]\na line\nnote: third\n',
  );
});

test('an interrupt exits with 130', () => {
  captured(process.stderr);
  expect(reportFailure(new FlashrowError('ABORTED', 'interrupted'), false)).toBe(130);
});

test.skipIf(!existsSync('/dev/full'))('a full disk behind stdout is DISK_FULL, told on stderr (Linux)', async () => {
  const main = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url));
  const stderr = await new Promise<string>((resolve) => {
    execFile('sh', ['-c', '"$0" "$1" list --cache-dir /nowhere >/dev/full', process.execPath, main], (_, __, text) =>
      resolve(text),
    );
  });
  expect(stderr).toBe('error: stdout cannot be written: no room is left where it goes [DISK_FULL]\n');
});
