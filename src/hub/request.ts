import { connectionError, statusError } from './hub-errors.js';
import type { HubOptions } from './hub-options.js';
import { fetchByProxy } from './proxy.js';
import { Stall } from './stall.js';

export interface Answer {
  status: number;
  headers: Headers;
  /**
   * The body as it comes. Throws IO with `details.retry` where the connection breaks or stalls, or the signal's reason.
   */
  chunks: AsyncGenerator<Uint8Array>;
}

/** A GET that succeeded. Throws NOT_FOUND, UNSUPPORTED, BAD_USAGE or IO (hub-errors.ts), or the signal's reason. */
export async function ask(
  url: string,
  what: string,
  headers: Record<string, string>,
  hub: HubOptions,
  signal: AbortSignal | undefined,
): Promise<Answer> {
  const stall = new Stall(what, hub.stallMs, signal);
  try {
    const response = await fetchByProxy(url, {
      headers: { ...headers, ...credentials(url, hub) },
      signal: stall.signal,
    });
    if (!response.ok) {
      await response.body?.cancel();
      throw statusError(response, what, hub);
    }
    return { status: response.status, headers: response.headers, chunks: received(response, what, hub, stall) };
  } catch (error) {
    stall.stop();
    throw connectionError(error, what, hub.endpoint);
  }
}

/** The token is for the hub alone; `fetch` keeps it from where the hub redirects to. */
const credentials = (url: string, { endpoint, token }: HubOptions): Record<string, string> =>
  token !== null && new URL(url).origin === new URL(endpoint).origin ? { authorization: `Bearer ${token}` } : {};

async function* received(
  { body }: Response,
  what: string,
  { endpoint }: HubOptions,
  stall: Stall,
): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of body ?? []) {
      stall.touch();
      yield chunk;
    }
  } catch (error) {
    throw connectionError(error, what, endpoint);
  } finally {
    stall.stop();
  }
}
