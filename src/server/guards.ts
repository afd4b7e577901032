import { createHash, timingSafeEqual } from 'node:crypto';
import type { MiddlewareHandler } from 'hono';
import { ServerError } from './failures.js';
import type { ServerOptions } from './options.js';

const LOOPBACK: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]', '::1']);

/** Whether a name or address is of this machine alone. */
export const isLoopback = (host: string): boolean => LOOPBACK.has(host) || /^127\.\d+\.\d+\.\d+$/.test(host);

const hostOf = (authority: string): string => authority.replace(/:\d+$/, '').toLowerCase();

const guarded = new WeakSet<object>();

/** Keeps in mind that a server asks for a key, or was told which names it answers to. */
export function noteGuarded(server: object, { apiKey, hosts }: ServerOptions): void {
  if (apiKey !== undefined || hosts !== undefined) guarded.add(server);
}

/** Whether it may be reached from other machines. */
export const isGuarded = (server: object): boolean => guarded.has(server);

/** Refuses names that others may have pointed here: a web page could read a server that asks for no key. */
export function hostGuard({ hosts, apiKey }: ServerOptions): MiddlewareHandler {
  const known = Array.isArray(hosts) ? new Set(hosts.map((name: string) => name.toLowerCase())) : null;
  return async (context, next) => {
    const host = hostOf(context.req.header('host') ?? new URL(context.req.url).host);
    const isKnown = known?.has(host) ?? (hosts === 'any' || apiKey !== undefined);
    if (!isKnown && !isLoopback(host))
      throw new ServerError(
        403,
        `this server does not answer to the name ${JSON.stringify(host)}; add it to its \`hosts\``,
        {
          code: 'host_not_allowed',
        },
      );
    await next();
  };
}

/** Lets web pages of the server's own origin and of `origins` in, and no others. */
export function originGuard({ origins = [] }: ServerOptions): MiddlewareHandler {
  return async (context, next) => {
    const origin = context.req.header('origin');
    if (origin === undefined) return next();
    const host = context.req.header('host');
    const isOwn = origin === `http://${host}` || origin === `https://${host}`;
    if (!isOwn && !origins.includes(origin) && !origins.includes('*'))
      throw new ServerError(403, `pages of ${origin} may not use this server; add it to its \`origins\``, {
        code: 'origin_not_allowed',
      });
    const headers = {
      'access-control-allow-origin': origin,
      vary: 'origin',
      'access-control-allow-headers': context.req.header('access-control-request-headers') ?? '*',
      'access-control-allow-methods': 'GET, POST, OPTIONS',
      'access-control-expose-headers': 'x-request-id, retry-after',
      'access-control-max-age': '600',
    };
    if (context.req.method === 'OPTIONS') return new Response(null, { status: 204, headers });
    for (const [name, value] of Object.entries(headers)) context.header(name, value);
    return next();
  };
}

/** Asks for the key, where there is one. */
export function keyGuard({ apiKey }: ServerOptions): MiddlewareHandler {
  const expected = apiKey === undefined ? null : digest(apiKey);
  return async (context, next) => {
    const given = keyOf(context.req.raw.headers);
    if (expected && !timingSafeEqual(expected, digest(given)))
      throw new ServerError(
        401,
        given === '' ? 'this server asks for an API key' : 'the API key is not the right one',
        {
          code: 'invalid_api_key',
          type: 'authentication_error',
        },
      );
    await next();
  };
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

/** The key of a request; empty where it brings none. */
export const keyOf = (headers: Headers): string =>
  /^Bearer\s+(.*)$/i.exec(headers.get('authorization') ?? '')?.[1]?.trim() ?? headers.get('x-api-key') ?? '';
