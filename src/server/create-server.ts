import { randomUUID } from 'node:crypto';
import { type Context, Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { activityStream } from './activity-route.js';
import { chatJob } from './chat-route.js';
import { requireServerOptions } from './check-options.js';
import { completionJob } from './completion-route.js';
import { refusalOf, ServerError, type Wording } from './failures.js';
import { forecastOf } from './forecast-route.js';
import { hostGuard, keyGuard, noteGuarded, originGuard } from './guards.js';
import { messagesError } from './messages-format.js';
import { countTokens, messagesJob } from './messages-route.js';
import { ServerMetrics } from './metrics.js';
import { ending, ModelPool } from './model-pool.js';
import { modelEntry, props } from './model-routes.js';
import { openApi } from './openapi.js';
import { openApiPage } from './openapi-page.js';
import type { ServerOptions } from './options.js';
import { pageFile } from './page-files.js';
import { type Desk, type Job, respond } from './respond.js';
import { responsesJob } from './responses-route.js';

/** A server without a socket: it takes requests and gives responses, as Node, Bun, Deno and Next have them. */
export interface FlashrowServer {
  /** Answers a request. `address` tells clients apart, who take turns. */
  fetch(request: Request, address?: string): Promise<Response>;
  /** Loads the first model, so that the first request does not wait for it. Throws what `loadModel` throws. */
  load(): Promise<void>;
  /** Ends it and frees all models. With `drain` what runs and waits is answered first. */
  close(options?: { drain?: boolean }): Promise<void>;
}

/**
 * Serves models by the APIs of OpenAI and Anthropic. Nothing is loaded until it is asked for. Throws FlashrowError
 * BAD_USAGE for what is no option, for no models, and for two of one name.
 */
export function createServer(options: ServerOptions): FlashrowServer {
  requireServerOptions(options);
  const pool = new ModelPool(options);
  const metrics = new ServerMetrics(pool);
  const { pingMs = 5000, maxBodyBytes = 10_000_000, wording = asItIs, onError = () => {} } = options;
  const desk: Desk = { pool, metrics, pingMs, wording, onError };
  const app = new Hono<{ Bindings: { address?: string } }>();
  app.use(async (context, next) => {
    context.header('x-request-id', context.req.header('x-request-id')?.slice(0, 128) ?? randomUUID());
    await next();
  });
  // A connection that is kept alive would go on to ask.
  app.use(async (context, next) => {
    if (!pool.closed) return next();
    context.header('connection', 'close');
    return refused(context, ending(), wording);
  });
  app.use(hostGuard(options), originGuard(options));
  app.get('/health', (context) => context.json({ status: 'ok' }));
  app.get('/openapi.json', (context) => context.json(openApi(options.apiKey !== undefined)));
  app.get('/docs', () => openApiPage(options.apiKey !== undefined));
  // The page asks for the key.
  app.get('/', () => pageFile('index.html'));
  app.get('/page/*', (context) => pageFile(context.req.path.slice('/page/'.length)));
  app.use(keyGuard(options));
  app.use(
    bodyLimit({
      maxSize: maxBodyBytes,
      onError: () => {
        // What is left of the body is not read, so that no request can follow on this connection.
        const headers = { connection: 'close' };
        throw new ServerError(413, tooLarge(maxBodyBytes), { code: 'body_too_large', headers });
      },
    }),
  );
  addModelRoutes(app, desk);
  const answer = (read: (request: Request, pool: ModelPool) => Promise<Job>) => async (context: Context) => {
    const job = await read(context.req.raw, pool);
    return respond(desk, context.req.raw, clientOf(context), job);
  };
  app.post('/v1/chat/completions', answer(chatJob));
  app.post('/v1/completions', answer(completionJob));
  app.post('/v1/responses', answer(responsesJob));
  app.post('/v1/messages', answer(messagesJob));
  app.post('/v1/messages/count_tokens', async (context) => context.json(await countTokens(context.req.raw, pool)));
  app.notFound((context) => {
    const { method, path } = context.req;
    const allowed = methodsOf(app, path);
    return refused(context, allowed.length > 0 ? notSo(method, path, allowed) : notThere(method, path), wording);
  });
  app.onError((error, context) => {
    // That a client has left is no failure.
    if (refusalOf(error, wording).status >= 500 && !context.req.raw.signal.aborted) onError(error);
    return refused(context, error, wording);
  });
  const server: FlashrowServer = {
    fetch: async (request, address) => app.fetch(request, { ...(address === undefined ? {} : { address }) }),
    load: () => pool.load(pool.models[0]),
    close: ({ drain = false } = {}) => pool.close(drain),
  };
  noteGuarded(server, options);
  return server;
}

function addModelRoutes(app: Hono<{ Bindings: { address?: string } }>, { pool, metrics, pingMs }: Desk): void {
  const created = Math.floor(Date.now() / 1000);
  app.get('/v1/models', async (context) => {
    const data = await Promise.all(pool.models.map((pooled) => modelEntry(pooled, created)));
    return context.json({ object: 'list', data });
  });
  app.get('/v1/models/*', async (context) => {
    const name = decoded(context.req.path.slice('/v1/models/'.length));
    return context.json(await modelEntry(pool.find(name), created));
  });
  app.get('/props', async (context) => context.json(await props(pool, pool.find(context.req.query('model')))));
  app.get('/activity', (context) =>
    activityStream(pool, pool.find(context.req.query('model')), { pingMs, signal: context.req.raw.signal }),
  );
  app.get('/forecast', async (context) => {
    const { model, memory } = context.req.query();
    return context.json(await forecastOf(pool.find(model), memory));
  });
  app.get('/metrics', async (context) =>
    context.body(await metrics.text(), 200, { 'content-type': metrics.contentType }),
  );
}

/** Whose turn it is goes by address. */
const clientOf = (context: Context): string => (context.env as { address?: string } | undefined)?.address ?? '';

/** A name that is badly written is the name of no model. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** The methods that a path is there for; none where it is not there. */
function methodsOf({ routes }: Pick<Hono, 'routes'>, path: string): string[] {
  const isOf = (pattern: string) => (pattern.endsWith('/*') ? path.startsWith(pattern.slice(0, -1)) : path === pattern);
  const methods = routes.filter((route) => route.method !== 'ALL' && isOf(route.path)).map(({ method }) => method);
  return [...new Set(methods.flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method])))];
}

const notSo = (method: string, path: string, allowed: readonly string[]) =>
  new ServerError(405, `${path} takes ${allowed.join(' and ')}, not ${method}`, {
    ...{ code: 'method_not_allowed', headers: { allow: allowed.join(', ') } },
  });

const notThere = (method: string, path: string) =>
  new ServerError(404, `there is no ${method} ${path} here`, { code: 'not_found' });

const tooLarge = (bytes: number) =>
  `the body has more than the ${bytes} bytes that this server takes; \`maxBodyBytes\` says how many`;

const asItIs: Wording = (message) => message;

function refused(context: Context, thrown: unknown, wording: Wording): Response {
  const refusal = refusalOf(thrown, wording);
  const { status, error, headers } = refusal;
  const isMessages = context.req.path.startsWith('/v1/messages');
  return context.json(isMessages ? messagesError(refusal) : { error }, status, headers);
}
