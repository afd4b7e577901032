import type { LoadOptions } from '../contract/model.js';
import type { PlainOptions } from '../contract/protocol.js';
import type { ModelOptions } from '../plan/model-options.js';
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
 * The path of a source's store; a checkpoint that cannot be streamed in place is converted first. A worker of its own
 * does it, so that the heap that conversion leaves behind is gone before the memory of an engine is counted.
 */
export const preparedStore = (
  source: string,
  options: PlainOptions,
  { signal, onProgress }: Pick<LoadOptions, 'signal' | 'onProgress'>,
): Promise<string> =>
  inWorker((channel) => channel.call('prepare', { source, options }, { signal, onEvent: onProgress }));

/**
 * The options that can cross to a worker: all but signals and callbacks. A copy: what the caller changes later changes
 * nothing.
 */
export function plainOptions(options: ModelOptions): PlainOptions {
  const { memory, contextSize, sequences, draft, exact, threads, cacheDir, tuning } = options;
  return { memory, contextSize, sequences, draft, exact, threads, cacheDir, tuning: tuning && copied(tuning) };
}

/** Also what is inherited. */
function copied<T extends object>(options: T): T {
  const copy: Partial<T> = {};
  for (const name in options) copy[name] = options[name];
  return copy as T;
}
