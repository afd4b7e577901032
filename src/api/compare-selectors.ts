import type { Progress } from '../contract/progress.js';
import type { ComparisonResult } from '../contract/protocol.js';
import { anonymousBytes } from '../plan/machine.js';
import type { ModelOptions } from '../plan/model-options.js';
import { requireSequences, requireTexts } from './check-arguments.js';
import { inWorker, plainOptions, preparedStore } from './in-worker.js';
import { CALLBACK, MODEL_OPTIONS, requireModelOptions, SIGNAL } from './option-tables.js';
import { pathOf, type Source } from './source.js';

export interface CompareOptions extends ModelOptions {
  signal?: AbortSignal;
  /** Told of a conversion, and then of the sequences that are scored, each twice. */
  onProgress?: (progress: Progress) => void;
}

/**
 * Measures what the selector of a ReLU model costs in quality. It runs the same tokens with every row that matters, and
 * then as `options` say, under the same budget. Takes texts, each cut into windows of the context, or sequences of
 * token ids as they are.
 * Throws UNSUPPORTED where no neuron is ever idle, and what `loadModel` throws.
 */
export async function compareSelectors(
  source: Source,
  text: { documents: readonly string[] } | { sequences: readonly (readonly number[])[] },
  options: CompareOptions = {},
): Promise<ComparisonResult> {
  const path = pathOf('the model', source);
  requireScored(text);
  requireModelOptions<CompareOptions>('compareSelectors()', options, {
    ...MODEL_OPTIONS,
    signal: SIGNAL,
    onProgress: CALLBACK,
  });
  const { signal, onProgress } = options;
  const plain = plainOptions(options);
  const store = await preparedStore(path, plain, options);
  const args = { store, text, options: plain, anonymousBefore: anonymousBytes() };
  return inWorker((channel) => channel.call('compare', args, { signal, onEvent: onProgress }));
}

function requireScored(text: unknown): void {
  const { documents, sequences } = (text ?? {}) as Record<string, unknown>;
  if (sequences === undefined) requireTexts('documents', documents);
  else requireSequences('sequences', sequences);
}
