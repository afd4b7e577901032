import { FlashrowError, type Generation, type GenerationResult, type Model, type Piece } from '../index.js';
import type { AnswerFormat } from './answer-format.js';
import { inWordsOfRequests, refusalOf, type Wording } from './failures.js';
import type { ServerMetrics } from './metrics.js';
import type { Lease, ModelPool, PooledModel } from './model-pool.js';

/** A request that was read. */
export interface Job {
  pooled: PooledModel;
  stream: boolean;
  format: AnswerFormat;
  /** Tokens of the prompt. Throws what is wrong with it, so that it is told before the headers. */
  count(model: Model): Promise<number>;
  /** Begins the choice of this number. */
  begin(model: Model, signal: AbortSignal, choice: number): Generation;
  /** Choices: they go on from one prompt, side by side where there are places, else one after the other. */
  choices: number;
}

/** What answers need of the server. */
export interface Desk {
  pool: ModelPool;
  metrics: ServerMetrics;
  pingMs: number;
  wording: Wording;
  onError: (error: unknown) => void;
}

/** A job whose model is there, with a place in its queue. */
interface Accepted extends Job {
  promptTokens: number;
  lease: Lease;
  ticket: { turn: Promise<void>; leave: () => void };
  /** Aborted when the client has left. */
  leaving: AbortController;
}

/**
 * Answers a request, whole or as a stream. All that is wrong with it is told before the headers; those of a stream are
 * sent at once, long before the first token. A client that leaves ends the generation.
 */
export async function respond(desk: Desk, request: Request, client: string, job: Job): Promise<Response> {
  const leaving = new AbortController();
  const leave = () => leaving.abort(new Error('the client has left'));
  if (request.signal.aborted) leave();
  else request.signal.addEventListener('abort', leave, { once: true });
  const lease = await desk.pool.lease(job.pooled, leaving.signal);
  let accepted: Accepted;
  try {
    const { contextSize } = lease.model.info;
    const tokens = await job.count(lease.model);
    if (tokens > contextSize)
      throw new FlashrowError('CONTEXT_OVERFLOW', 'the prompt does not fit the context', { tokens, contextSize });
    accepted = { ...job, promptTokens: tokens, lease, ticket: job.pooled.queue.join(client), leaving };
  } catch (error) {
    lease.release();
    throw error;
  }
  return job.stream ? streamed(desk, accepted) : whole(desk, accepted);
}

async function whole(desk: Desk, job: Accepted): Promise<Response> {
  try {
    const { format } = job;
    const results = await run(desk, job, {
      begin: () => {},
      piece: (piece, choice) => format.piece(piece, choice),
      end: () => {},
    });
    return Response.json(format.whole(results));
  } finally {
    done(job);
  }
}

function done({ ticket, lease }: Accepted): void {
  ticket.leave();
  lease.release();
}

const HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache',
  'x-accel-buffering': 'no',
};

function streamed(desk: Desk, job: Accepted): Response {
  const encoder = new TextEncoder();
  const { format, leaving } = job;
  const body = new ReadableStream<Uint8Array>({
    async start(controller) {
      const write = (text: string) => {
        if (text !== '' && !leaving.signal.aborted) controller.enqueue(encoder.encode(text));
      };
      // Proxies and clients give up on a connection that says nothing.
      write(':\n\n');
      const pings = setInterval(() => write(format.ping), desk.pingMs);
      void (async () => {
        try {
          const results = await run(desk, job, {
            begin: (choice) => {
              clearInterval(pings);
              write(format.begin(job.promptTokens, choice));
            },
            piece: (piece, choice) => write(format.piece(piece, choice)),
            end: (result, choice) => write(format.end(result, choice)),
          });
          write(format.close(results));
        } catch (error) {
          if (!leaving.signal.aborted) desk.onError(error);
          write(format.failure(refusalOf(error, desk.wording)));
        } finally {
          clearInterval(pings);
          done(job);
          // A client that has left has closed it.
          if (!leaving.signal.aborted) controller.close();
        }
      })();
    },
    cancel() {
      leaving.abort(new Error('the client has left'));
    },
  });
  return new Response(body, { headers: HEADERS });
}

/** Who follows an answer. A choice begins with its first piece, or ends without one. */
interface Follower {
  begin(choice: number): void;
  piece(piece: Piece, choice: number): void;
  end(result: GenerationResult, choice: number): void;
}

/** Waits for the turn, and generates. Throws the reason where the client leaves, or what one of the choices does. */
async function run(desk: Desk, job: Accepted, follower: Follower): Promise<GenerationResult[]> {
  const { pooled, ticket, leaving, choices } = job;
  await Promise.race([ticket.turn, aborted(leaving.signal)]);
  const failing = new AbortController();
  const signal = AbortSignal.any([leaving.signal, failing.signal]);
  const results: GenerationResult[] = [];
  const others: Promise<void>[] = [];
  let next = 0;
  const answerNext = async (onPrompt: () => void, mayGoOn: () => boolean): Promise<void> => {
    while (next < choices && mayGoOn()) {
      signal.throwIfAborted();
      const choice = next++;
      results[choice] = await answer(desk, job, { choice, signal, onPrompt }, follower);
    }
  };
  // Once the prompt has run, others go on from its state in places that nobody else asks for.
  const fork = () => {
    for (let left = choices - next; left > 0; left--) {
      const leave = pooled.queue.takeFree();
      if (!leave) return;
      others.push(
        answerNext(
          () => {},
          () => pooled.queue.waiting === 0,
        ).finally(leave),
      );
    }
  };
  try {
    await answerNext(fork, () => true);
    await Promise.all(others);
  } catch (error) {
    failing.abort(error);
    await Promise.allSettled(others);
    throw error;
  }
  return results;
}

/** Generates a choice. `onPrompt` is called once its prompt has run. */
async function answer(
  { metrics, wording }: Desk,
  { pooled, lease, begin }: Accepted,
  { choice, signal, onPrompt }: { choice: number; signal: AbortSignal; onPrompt: () => void },
  follower: Follower,
): Promise<GenerationResult> {
  const generation = begin(lease.model, signal, choice);
  let begun = false;
  for await (const piece of generation) {
    if (!begun) {
      follower.begin(choice);
      onPrompt();
    }
    begun = true;
    follower.piece(piece, choice);
  }
  const written = await generation.result;
  const result = { ...written, warnings: written.warnings.map((warning) => wording(inWordsOfRequests(warning))) };
  if (!begun) follower.begin(choice);
  follower.end(result, choice);
  metrics.answered(pooled.name, result);
  return result;
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
