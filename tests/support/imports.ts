import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');

/** One import: paths from the top of the repository, with `/`. Types count as much as values. */
export interface Import {
  from: string;
  to: string;
}

/**
 * `from '...'`, a bare `import '...'`, and `import('...')`, of a value or of a type; the formatter keeps each specifier
 * on one line.
 */
const TYPESCRIPT = /(?:\bfrom|^import|\bimport\()\s*'(\.[^']+)'/gm;
const CPLUSPLUS = /^#include "([^"]+)"/gm;

/** The sources in `folder`, by their paths from the top of the repository. */
export const sourcesIn = (folder: string): string[] =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .map((path) => posix.join(folder, path.replaceAll('\\', '/')))
    .filter((path) => /\.(tsx?|cc|h)$/.test(path));

/** The imports between files of `folder` and to files elsewhere in the repository. */
export function importsOf(folder: string): Import[] {
  const paths = sourcesIn(folder);
  return paths.flatMap((from) => importsIn(from, readFileSync(join(root, from), 'utf8'), paths));
}

/** The imports of one file's text; `paths` are the files that a C++ include may mean. */
export function importsIn(from: string, text: string, paths: readonly string[]): Import[] {
  const besides = (path: string) => posix.join(posix.dirname(from), path);
  if (/\.tsx?$/.test(from))
    return [...text.matchAll(TYPESCRIPT)].map(([, path]) => {
      const [ts, tsx] = ['.ts', '.tsx'].map((ending) => besides(path).replace(/\.js$/, ending));
      return { from, to: paths.includes(tsx) ? tsx : ts };
    });
  return [...text.matchAll(CPLUSPLUS)].map(([, path]) => ({
    from,
    to: paths.find((other) => other === besides(path)) ?? paths.find((other) => other.endsWith(`/src/${path}`)) ?? path,
  }));
}

/** The first circle among edges, as the names on its way round, or null. */
export function circleIn(edges: readonly Import[]): string[] | null {
  const next = new Map<string, Set<string>>();
  for (const { from, to } of edges) if (from !== to) next.set(from, (next.get(from) ?? new Set()).add(to));
  const done = new Set<string>();
  const walk = (node: string, trail: readonly string[]): string[] | null => {
    if (trail.includes(node)) return [...trail.slice(trail.indexOf(node)), node];
    if (done.has(node)) return null;
    for (const other of next.get(node) ?? []) {
      const circle = walk(other, [...trail, node]);
      if (circle) return circle;
    }
    done.add(node);
    return null;
  };
  for (const node of next.keys()) {
    const circle = walk(node, []);
    if (circle) return circle;
  }
  return null;
}
