import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const SRC = fileURLToPath(new URL('../src', import.meta.url));

/** The string and template literals of a source, in which a message could stand. */
function literalsIn(source: string): string[] {
  const withoutComments = source.replace(/^\s*(\/\*[\s\S]*?\*\/|\/\/.*$)/gm, '');
  return withoutComments.match(/'(\\.|[^'\\\n])*'|"(\\.|[^"\\\n])*"|`(\\.|[^`\\])*`/g) ?? [];
}

/** A flag, or a command line between backticks. */
const OF_THE_COMMAND_LINE = /(^|[\s(`'"])--[a-z]|`flashrow /;

const foundIn = (source: string) => literalsIn(source).filter((text) => OF_THE_COMMAND_LINE.test(text));

it('no text of the library speaks of the command line', () => {
  const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.ts'));
  const library = files.map((path) => join(SRC, path)).filter((path) => !relative(SRC, path).startsWith('cli'));
  const found = library.flatMap((path) =>
    foundIn(readFileSync(path, 'utf8')).map((text) => `${relative(SRC, path)}: ${text}`),
  );
  expect(library.length).toBeGreaterThan(100);
  expect(found).toEqual([]);
});

it('the test itself sees a flag and a command', () => {
  expect(foundIn("throw new Error('use --select all');")).toHaveLength(1);
  expect(foundIn('const advice = `run \\`flashrow calibrate\\` again`;')).toHaveLength(1);
  expect(foundIn('// use --select all\nconst next = heap[--size];\nconst option = `$' + '{a}--b`;')).toEqual([]);
});
