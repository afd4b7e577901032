import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
/** Of code, the formatters see to it. */
const COLUMNS = 120;
const COMMENT = /^\s*(\/\/|\/\*|\*)/;
/** What no space divides cannot be wrapped; what a linter reads stays on its line. */
const UNBREAKABLE = /https?:\/\/|biome-ignore/;

const sourcesIn = (folder: string): string[] =>
  readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    // What is built, installed or downloaded there is not ours.
    if (entry.isDirectory()) return /\/(build|prebuilds|peers|models|node_modules)$/.test(path) ? [] : sourcesIn(path);
    return /\.(tsx?|mjs|cc|h)$/.test(path) ? [path] : [];
  });

const tooLong = (text: string): number[] =>
  text
    .split('\n')
    .flatMap((line, at) => (line.length > COLUMNS && COMMENT.test(line) && !UNBREAKABLE.test(line) ? [at + 1] : []));

describe('comments', () => {
  it.each(['src', 'native-bridge', 'bench', 'tests', 'examples', 'tools'])('in %s wrap at 120 columns', (folder) => {
    const places = sourcesIn(folder).flatMap((path) =>
      tooLong(readFileSync(join(root, path), 'utf8')).map((line) => `${path}:${line}`),
    );
    expect(places).toEqual([]);
  });

  it('are told apart from code, and from what cannot be wrapped', () => {
    const long = 'word '.repeat(30);
    const lines = [
      `// ${long}`,
      `  /** ${long}*/`,
      `   * ${long}`,
      `const x = '${long}';`,
      `// https://x.y/${long}`,
      '// short',
    ];
    expect(tooLong(lines.join('\n'))).toEqual([1, 2, 3]);
  });
});
