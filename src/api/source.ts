import { fileURLToPath } from 'node:url';
import { beginsWithTilde, TILDE_ADVICE } from '../disk/tilde.js';
import { FlashrowError, shown } from '../errors.js';

/** A path, the name of a model, or the file URL of a path, like `new URL('model.gguf', import.meta.url)`. */
export type Source = string | URL;

/**
 * The path that a caller gave as text or as a file URL; a name stays as it is. Throws BAD_USAGE for anything else. `~`
 * is a word of the shell: taken as a path it would name a folder of that name, which nobody means.
 */
export function pathOf(what: string, given: unknown, option = 'source'): string {
  if (isFileUrl(given)) return fromFileUrl(what, given, option);
  if (typeof given !== 'string' || given === '')
    throw new FlashrowError('BAD_USAGE', `${what} is a path, not ${shown(given)}`, { option });
  refuseTilde(what, given, option);
  return given;
}

/** Throws BAD_USAGE for a path that begins with `~`. */
export function refuseTilde(what: string, path: string, option = what): void {
  if (!beginsWithTilde(path)) return;
  const message = `${what} is a path, not ${shown(path)}: ${TILDE_ADVICE}`;
  throw new FlashrowError('BAD_USAGE', message, { option, value: path });
}

/** Told by what it holds: a URL of another realm is as good. */
const isFileUrl = (given: unknown): given is URL | string =>
  typeof given === 'string'
    ? /^file:/i.test(given)
    : typeof given === 'object' && given !== null && typeof (given as URL).href === 'string';

function fromFileUrl(what: string, url: URL | string, option: string): string {
  try {
    return fileURLToPath(String(url));
  } catch (cause) {
    const message = `${what} is a path or a file URL, not ${shown(String(url))}`;
    throw new FlashrowError('BAD_USAGE', message, { option, value: String(url) }, { cause });
  }
}
