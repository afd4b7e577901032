import { FlashrowError } from '../errors.js';
import type { HubOptions } from './hub-options.js';
import { proxyFor, toldProxy } from './proxy.js';

/** A server that asks for a longer wait is not waited for. */
const LONGEST_WAIT_S = 60;

/**
 * The error for a status other than success. Failures that waiting may mend have `details.retry`, and
 * `details.retryAfterSeconds` where the server says how long. The hub's statuses leave the cause open: to strangers it
 * answers 401 for repositories that do not exist. X-Error-Code tells.
 */
export function statusError({ status, headers, url }: Response, what: string, hub: HubOptions): FlashrowError {
  const { endpoint, token, revision } = hub;
  const hubCode = headers.get('x-error-code');
  const details = { what, status, ...(hubCode !== null && { hubCode }) };
  // Links to a hub's storage expire. Asked again, the hub signs a new one.
  const elsewhere = URL.canParse(url) && new URL(url).origin !== new URL(endpoint).origin;
  if (!elsewhere && (status === 401 || status === 403)) return refused(status, hubCode, what, hub, details);
  if (hubCode === 'RevisionNotFound')
    return new FlashrowError('NOT_FOUND', `${what}: ${endpoint} has no revision ${revision} of it`, details);
  if (status === 404)
    return new FlashrowError(
      'NOT_FOUND',
      `${what}: there is no such thing at ${endpoint}; check its name and the \`revision\``,
      details,
    );
  const answered = `${what}: ${elsewhere ? new URL(url).origin : endpoint} answered with status ${status}`;
  const retryAfterSeconds = secondsUntil(headers.get('retry-after'));
  if (retryAfterSeconds > LONGEST_WAIT_S)
    return new FlashrowError('IO', `${answered}, and asks to wait ${retryAfterSeconds} s; pull again then`, {
      ...details,
      retryAfterSeconds,
      retry: false,
    });
  const retry = status >= 500 || status === 429 || status === 408 || (elsewhere && status === 403);
  const advice = status === 429 && token === null ? '; a token (`token`) may be allowed more requests' : '';
  return new FlashrowError('IO', `${answered}${advice}`, { ...details, retryAfterSeconds, retry });
}

function refused(
  status: number,
  hubCode: string | null,
  what: string,
  { endpoint, token }: HubOptions,
  details: Record<string, unknown>,
): FlashrowError {
  if (hubCode === 'GatedRepo')
    return new FlashrowError(
      'UNSUPPORTED',
      token === null
        ? `${what}: ${endpoint} lets only those read it who accepted its terms; accept them there, and give the user's \`token\``
        : `${what}: ${endpoint} does not let the token's user read it; accept its terms there, or wait until that is granted`,
      details,
    );
  if (token === null || hubCode === 'RepoNotFound')
    return new FlashrowError(
      'NOT_FOUND',
      `${what}: ${endpoint} has no such model, or hides it; check its name, and give a \`token\` if it is private`,
      details,
    );
  return status === 401
    ? new FlashrowError('BAD_USAGE', `${what}: ${endpoint} does not accept the token; check \`token\``, details)
    : new FlashrowError(
        'UNSUPPORTED',
        `${what}: ${endpoint} does not let the token read it; check what it was made for, and that its user may`,
        details,
      );
}

/** Retry-After is in seconds, or a date (RFC 9110, 10.2.3). 0 where it says nothing. */
function secondsUntil(retryAfter: string | null): number {
  if (retryAfter === null) return 0;
  const seconds = /^\d+$/.test(retryAfter) ? Number(retryAfter) : (Date.parse(retryAfter) - Date.now()) / 1000;
  return Number.isFinite(seconds) ? Math.max(0, Math.ceil(seconds)) : 0;
}

/** The error for a connection that failed. An abort stays what its signal says. */
export function connectionError(error: unknown, what: string, endpoint: string): unknown {
  if (error instanceof FlashrowError || (error as Error)?.name === 'AbortError') return error;
  const { cause, message } = error as Error;
  const why = cause instanceof Error ? cause.message : message;
  const proxy = proxyFor(endpoint);
  const way = proxy === null ? '' : ` by the proxy ${toldProxy(proxy)}, which the environment names`;
  return new FlashrowError(
    'IO',
    `${what}: cannot be fetched from ${endpoint}${way}: ${why}`,
    { what, retry: true },
    { cause: error },
  );
}
