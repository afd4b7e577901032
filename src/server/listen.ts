import type { AddressInfo } from 'node:net';
import { serve } from '@hono/node-server';
import { type OptionTable, requireOptions } from '../api/checks/check-arguments.js';
import { isText, isWholeFrom0 } from '../api/option-tables.js';
import { FlashrowError } from '../index.js';
import type { FlashrowServer } from './create-server.js';
import { isGuarded, isLoopback } from './guards.js';

/** Where to listen. */
export interface ListenOptions {
  /** 0 takes one that is free. Default 8080. */
  port?: number | undefined;
  /** Default 127.0.0.1. Another machine's reach needs a server with `apiKey`, or with `hosts`. */
  host?: string | undefined;
}

const LISTEN_OPTIONS: OptionTable<ListenOptions> = {
  port: [(value) => isWholeFrom0(value) && value <= 65_535, 'a whole number from 0 to 65535'],
  host: [(value) => isText(value) && value !== '', 'an address or a name'],
};

/** A server that listens. */
export interface Listening {
  readonly url: string;
  /** Takes no more requests. With `drain` those that are here are answered first. */
  close(options?: { drain?: boolean }): Promise<void>;
}

/**
 * Serves by HTTP on Node. Rejects with the system's error where the port cannot be had, and with FlashrowError
 * BAD_USAGE for what is no option, and for a host beyond this machine where the server has neither `apiKey` nor
 * `hosts`.
 */
export async function listen(server: FlashrowServer, options: ListenOptions = {}): Promise<Listening> {
  requireOptions('listen()', options, LISTEN_OPTIONS);
  const { port = 8080, host: hostname = '127.0.0.1' } = options;
  if (!isLoopback(hostname) && !isGuarded(server))
    throw new FlashrowError(
      'BAD_USAGE',
      `host ${hostname} lets other machines in; give \`createServer()\` an \`apiKey\`, or \`hosts\` to do without one`,
      { option: 'host' },
    );
  const http = await new Promise<ReturnType<typeof serve>>((resolve, reject) => {
    const listening = serve(
      {
        fetch: (request, env) => server.fetch(request, addressOf(env)),
        ...{ port, hostname },
        // A slow header is a half-open connection; a slow answer is not.
        serverOptions: { headersTimeout: 30_000, requestTimeout: 0 },
      },
      () => resolve(listening),
    );
    listening.once('error', reject);
  });
  const { port: taken } = http.address() as AddressInfo;
  return {
    url: `http://${hostname.includes(':') ? `[${hostname}]` : hostname}:${taken}`,
    async close({ drain = false } = {}) {
      const closed = new Promise<void>((resolve) => http.close(() => resolve()));
      if (!drain && 'closeAllConnections' in http) http.closeAllConnections();
      else if ('closeIdleConnections' in http) http.closeIdleConnections();
      await server.close({ drain });
      if ('closeIdleConnections' in http) http.closeIdleConnections();
      if ('closeAllConnections' in http) http.closeAllConnections();
      await closed;
    },
  };
}

function addressOf(env: unknown): string | undefined {
  const incoming = (env as { incoming?: { socket?: { remoteAddress?: string } } } | undefined)?.incoming;
  return incoming?.socket?.remoteAddress;
}
