import { resolve } from 'node:path';
import type { LoadOptions } from '../contract/model.js';
import type { Methods, PlainOptions } from '../contract/protocol.js';
import type { ModelOptions } from '../plan/model-options.js';
import { pathOf } from './source.js';
import { WorkerChannel } from './worker-channel.js';

/** Lends a worker for one piece of work. */
export async function inWorker<T>(work: (channel: WorkerChannel) => Promise<T>): Promise<T> {
  const channel = new WorkerChannel();
  try {
    return await work(channel);
  } finally {
    await channel.dispose();
  }
}

/**
 * The path of a source's store, and of its eyes, null without any; a checkpoint that cannot be streamed in place is
 * converted first. A worker of its own does it, so that the heap that conversion leaves behind is gone before the
 * memory of an engine is counted.
 */
export const preparedStore = (
  source: string,
  options: PlainOptions,
  { signal, onProgress }: Pick<LoadOptions, 'signal' | 'onProgress'>,
): Promise<Methods['prepare']['result']> =>
  inWorker((channel) => channel.call('prepare', { source, options }, { signal, onEvent: onProgress }));

/**
 * The options that can cross to a worker: all but signals and callbacks. A copy: what the caller changes later changes
 * nothing.
 */
export function plainOptions(options: ModelOptions): PlainOptions {
  const { memory, contextSize, sequences, draft, exact, threads, cacheDir, tuning, vision } = options;
  return {
    ...{ memory, contextSize, sequences, draft, exact, threads, cacheDir, tuning: tuning && copied(tuning) },
    // Left out, it is looked for beside the model.
    ...(vision !== undefined && { vision: vision === false ? null : resolve(pathOf('vision', vision, 'vision')) }),
  };
}

/** Also what is inherited. */
function copied<T extends object>(options: T): T {
  const copy: Partial<T> = {};
  for (const name in options) copy[name] = options[name];
  return copy as T;
}
