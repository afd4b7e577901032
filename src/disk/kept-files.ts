import { existsSync, lstatSync, readdirSync, realpathSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { statIfThere } from './folders.js';

/**
 * All files below a folder, by their paths there, in order. Links are followed, as large files are often moved to
 * another disk and linked back. What a link does not lead to, or leads back to, is left out.
 */
export function filesBelow(folder: string): string[] {
  const found: string[] = [];
  const walk = (path: string, above: ReadonlySet<string>) => {
    const kind = statIfThere(path);
    if (kind?.isFile()) found.push(relative(folder, path).split(sep).join('/'));
    if (!kind?.isDirectory()) return;
    const real = realpathSync(path);
    if (above.has(real)) return;
    for (const name of readdirSync(path)) walk(join(path, name), new Set([...above, real]));
  };
  walk(folder, new Set());
  return found.sort();
}

/** The names of the folders in a folder, linked ones among them. */
export const foldersIn = (path: string): string[] =>
  existsSync(path) ? readdirSync(path).filter((name) => statIfThere(join(path, name))?.isDirectory()) : [];

/** A link that leads to nothing, or back to itself. */
export const leadsNowhere = (path: string): boolean =>
  !existsSync(path) && lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true;

/** Where a file below `top` really is, if a link leads out of its place there; null for one in its place. */
export function linkedFrom(top: string, path: string): string | null {
  const real = realpathSync(path);
  return real === join(realpathSync(top), relative(top, path)) ? null : real;
}
