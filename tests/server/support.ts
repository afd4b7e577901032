import {
  createServer,
  type FlashrowServer,
  type Listening,
  listen,
  type ServerOptions,
} from '../../dist/src/server/index.js';
import { TALES } from '../support/shipped.js';

/** The shipped model tells tales and has no template. This one lets it go on with what the user writes. */
export const TEMPLATE = `{{ bos_token }}{% if tools %}{{ tools | tojson }}{{ '<tool_call>' and '' }}{% endif %}{% for m in messages %}{{ m.content }}{% endfor %}`;

export interface Served {
  server: FlashrowServer;
  listening: Listening;
  url: string;
  end(): Promise<void>;
}

/** A server at a free port, with the shipped model under the name `tales`. */
export async function serveTales(options: Partial<ServerOptions> = {}): Promise<Served> {
  const server = createServer({
    models: [{ name: 'tales', source: TALES, template: TEMPLATE, options: { contextSize: 256 } }],
    memory: '12MB',
    ...options,
  });
  const listening = await listen(server, { port: 0 });
  return { server, listening, url: `${listening.url}/v1`, end: () => listening.close() };
}

/** A request without a socket. */
export const request = (path: string, body?: unknown, headers: Record<string, string> = {}): Request =>
  new Request(`http://localhost${path}`, {
    ...(body === undefined ? {} : { method: 'POST', body: typeof body === 'string' ? body : JSON.stringify(body) }),
    headers: { 'content-type': 'application/json', ...headers },
  });
