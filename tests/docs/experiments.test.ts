import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { pagesIn, REPOSITORY } from './page.js';

const read = (path: string) => readFileSync(join(REPOSITORY, path), 'utf8');

/** Ids of all entries, each with its disposition, as the pages have them. */
const entries = pagesIn('docs/experiments', false).flatMap((path) =>
  read(path)
    .split(/^## /m)
    .slice(1)
    .map((entry) => {
      const [, id] = /^([A-Z]+-\d\d): /.exec(entry) ?? [];
      const [, disposition] = /^\*\*Disposition\.\*\* (Kept|Not\s+kept|Open)/m.exec(entry) ?? [];
      return [id, disposition?.replace(/\s+/, ' ').toLowerCase()];
    }),
);

const indexed = [...read('bench/EXPERIMENTS.md').matchAll(/^\| \[(\w+-\d\d)\].* \| ([\w ]+) \|$/gm)];

/** Ids that comments cite, as `EXPERIMENTS.md, CACHE-01`. */
const cited = ['src', 'bench', 'native-bridge', 'tests'].flatMap((folder) =>
  readdirSync(join(REPOSITORY, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(ts|cc|h|mjs)$/.test(name))
    .flatMap((name) => [...read(join(folder, name)).matchAll(/EXPERIMENTS\.md(?:,[\s*/]+([A-Z]+-\d\d))?\)/g)])
    .map(([, id]) => id),
);

describe('the record of experiments', () => {
  it('gives each entry an id of its own and a disposition', () => {
    const ids = entries.map(([id]) => id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(entries.flat()).not.toContain(undefined);
  });

  it('lists each entry with its disposition in the index', () => {
    expect(indexed.map(([, id, disposition]) => [id, disposition]).sort()).toEqual([...entries].sort());
  });

  it('has the entries that comments cite', () => {
    expect(cited.length).toBeGreaterThan(0);
    expect(entries.map(([id]) => id)).toEqual(expect.arrayContaining(cited));
  });
});
