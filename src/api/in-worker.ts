import { resolve } from 'node:path';
import type { LoadOptions } from '../contract/model.js';
import type { Methods, PlainOptions } from '../contract/protocol.js';
import { anonymousBytes } from '../plan/anonymous-bytes.js';
import type { ModelOptions } from '../plan/model-options.js';
import { requireOptionGroup, requirePlainObject } from './checks/check-arguments.js';
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
  { draftFor = null, part = 'model' }: Pick<Methods['prepare']['args'], 'draftFor' | 'part'> = {},
): Promise<Methods['prepare']['result']> =>
  inWorker((channel) => channel.call('prepare', { source, options, draftFor, part }, { signal, onEvent: onProgress }));

/**
 * The draft of a model whose store is there: where it is a model, or a block of `source`, its store as well. Throws
 * UNSUPPORTED where its vocabulary is another one, or where the model has no such block.
 */
export async function preparedDraft(
  source: string,
  store: string,
  plain: PlainOptions,
  follow: Pick<LoadOptions, 'signal' | 'onProgress'>,
): Promise<PlainOptions['draft']> {
  const { draft, threads, cacheDir, tuning } = plain;
  if (draft === 'self') {
    const args = { store, options: plain, anonymousBefore: anonymousBytes() };
    await inWorker((channel) => channel.call('prepareSelf', args, { ...follow, onEvent: follow.onProgress }));
    return draft;
  }
  const isBlock = draft === 'mtp';
  if (!isBlock && (typeof draft !== 'object' || draft === null)) return draft;
  const options = { threads, cacheDir, vision: null, tuning: { state: tuning?.state, direct: tuning?.direct } };
  const model = isBlock ? draft : draft.model;
  const part = isBlock ? 'prediction' : 'model';
  const prepared = await preparedStore(isBlock ? source : model, options, follow, { draftFor: store, part });
  return { model, store: prepared.store };
}

/**
 * The options that can cross to a worker: all but signals and callbacks. A copy: what the caller changes later changes
 * nothing.
 */
export function plainOptions(options: ModelOptions): PlainOptions {
  const { memory, contextSize, sequences, exact, threads, cacheDir, tuning, vision } = options;
  const draft = plainDraft(options.draft);
  return {
    ...{ memory, contextSize, sequences, draft, exact, threads, cacheDir, tuning: tuning && copied(tuning) },
    // Left out, it is looked for beside the model.
    ...(vision !== undefined && { vision: vision === false ? null : resolve(pathOf('vision', vision, 'vision')) }),
  };
}

/** A path or a file URL becomes a path. Other choices are checked where the model is known. */
function plainDraft(draft: ModelOptions['draft']): ModelOptions['draft'] {
  if (typeof draft !== 'object') return draft;
  requirePlainObject('draft', draft, '{ model: "small.gguf" }');
  requireOptionGroup('loadModel()', 'draft', draft, { model: null });
  return { model: pathOf('draft.model', (draft as { model: unknown }).model, 'draft') };
}

/** Also what is inherited. */
function copied<T extends object>(options: T): T {
  const copy: Partial<T> = {};
  for (const name in options) copy[name] = options[name];
  return copy as T;
}
