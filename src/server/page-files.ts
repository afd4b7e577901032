import { readFile } from 'node:fs/promises';
import { ServerError } from './failures.js';

/** The files of the page, which the build puts beside this one. */
const FILES: Readonly<Record<string, string>> = {
  'index.html': 'text/html; charset=utf-8',
  'page.js': 'text/javascript; charset=utf-8',
  'page.css': 'text/css; charset=utf-8',
  'icon.svg': 'image/svg+xml',
};

/** The page runs its own script and talks to this server, and to nobody else. */
const HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-cache',
};

/** A file of the page. Throws 404. */
export async function pageFile(name: string): Promise<Response> {
  if (!Object.hasOwn(FILES, name))
    throw new ServerError(404, `there is no ${JSON.stringify(name)} here`, { code: 'not_found' });
  const file = await readFile(new URL(`./page/${name}`, import.meta.url)).catch((cause) => {
    // A bundler takes the code along, and no files beside it.
    throw new ServerError(404, `the page is not installed: ${(cause as Error).message}`, { code: 'not_found' });
  });
  return new Response(new Uint8Array(file), { headers: { ...HEADERS, 'content-type': FILES[name] } });
}
