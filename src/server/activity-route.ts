import type { ActivitySample, Model } from '../index.js';
import { sseEvent } from './answer-format.js';
import type { ModelPool, PooledModel } from './model-pool.js';
import { recentPasses } from './recent-passes.js';

/** How often it is looked whether the model has been loaded, ms. */
const LOOK_MS = 250;
/** Events that wait for a slow reader. */
const WAITING_EVENTS = 8;

const HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache',
  'x-accel-buffering': 'no',
};

/**
 * What a model does, as server-sent events until the client leaves, or the server ends: `model` when it is there,
 * `sample` for each sample, `unloaded` while it is not there. It does not load the model, and does not keep it loaded.
 */
export function activityStream(
  pool: ModelPool,
  pooled: PooledModel,
  { pingMs, signal }: { pingMs: number; signal: AbortSignal },
): Response {
  const encoder = new TextEncoder();
  const leaving = new AbortController();
  signal.addEventListener('abort', () => leaving.abort(), { once: true });
  if (signal.aborted) leaving.abort();
  let pings: NodeJS.Timeout;
  const source = {
    start(controller: ReadableStreamDefaultController<Uint8Array>) {
      const write = (text: string) => {
        if (!leaving.signal.aborted) controller.enqueue(encoder.encode(text));
      };
      write(':\n\n');
      pings = setInterval(() => write(':\n\n'), pingMs);
      // A slow reader gets fewer samples, which cover more.
      const ready = () => untilRead(controller, leaving.signal);
      void follow(pool, pooled, { signal: leaving.signal, write, ready }).finally(() => {
        clearInterval(pings);
        if (!leaving.signal.aborted) controller.close();
      });
    },
    cancel() {
      clearInterval(pings);
      leaving.abort();
    },
  };
  return new Response(new ReadableStream(source, { highWaterMark: WAITING_EVENTS }), { headers: HEADERS });
}

async function follow(
  pool: ModelPool,
  pooled: PooledModel,
  { signal, write, ready }: { signal: AbortSignal; write: (text: string) => void; ready: () => Promise<void> },
): Promise<void> {
  while (!signal.aborted && !pool.closed) {
    const { model } = pooled;
    if (model === null) {
      write(sseEvent('unloaded', { model: pooled.name }));
      while (pooled.model === null && !signal.aborted && !pool.closed) await pause(LOOK_MS, signal);
      continue;
    }
    const samples = model.activity({ trace: true });
    const recent = recentPasses(model);
    recent.join(samples);
    const leave = () => void samples.return?.();
    signal.addEventListener('abort', leave, { once: true });
    try {
      let told = false;
      for await (const sample of samples) {
        write(told ? sseEvent('sample', plainSample(sample)) : sseEvent('model', described(pooled, model, sample)));
        told = true;
        recent.add(samples, sample);
        await ready();
      }
    } catch {
      // Its thread failed. Requests are told, and load it anew.
    }
    recent.leave(samples);
    signal.removeEventListener('abort', leave);
    if (pooled.model === model) await pause(LOOK_MS, signal);
  }
}

/** What holds as long as the model is loaded. */
function described({ name, template }: PooledModel, { info, plan }: Model, { layers, memoryBytes }: ActivitySample) {
  const { budgetBytes, residentBytes, scratchBytes, cacheBytes, minimumBytes, ffnBytes, cachedShare } = plan;
  const { selector, cachePolicy, kernels, exact, contextSize, chatTemplate } = info;
  return {
    model: name,
    ...{ selector, cachePolicy, kernels, exact, contextSize },
    hasTemplate: (template ?? chatTemplate) !== null,
    ...{ budgetBytes, residentBytes, scratchBytes, cacheBytes, minimumBytes, ffnBytes, cachedShare, memoryBytes },
    layers: layers.map(({ units, bundles }) => ({ units, bundles })),
  };
}

/** A sample with its bitmaps in Base64, and without the passes. */
const plainSample = ({ layers, trace: _, ...counts }: ActivitySample) => ({
  ...counts,
  layers: layers.map(({ bundlesHit, bundlesMissed, asked, read }) => ({
    ...{ bundlesHit, bundlesMissed },
    asked: Buffer.from(asked).toString('base64'),
    read: Buffer.from(read).toString('base64'),
  })),
});

/** Waits until the client has taken what was written. */
async function untilRead(controller: ReadableStreamDefaultController, signal: AbortSignal): Promise<void> {
  while (!signal.aborted && (controller.desiredSize ?? 1) <= 0) await pause(LOOK_MS, signal);
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done, { once: true });
    if (signal.aborted) done();
  });
}
