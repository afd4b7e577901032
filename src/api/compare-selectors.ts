import { checkScored } from '../contract/check-ids.js';
import type { Progress } from '../contract/progress.js';
import type { ComparisonResult } from '../contract/protocol.js';
import { FlashrowError } from '../errors.js';
import { anonymousBytes } from '../plan/anonymous-bytes.js';
import type { ModelOptions } from '../plan/model-options.js';
import { requireKnown, requirePlainObject, requireSequences, requireTexts } from './checks/check-arguments.js';
import { inWorker, plainOptions, preparedStore } from './in-worker.js';
import { CALLBACK, MODEL_OPTIONS, requireModelOptions, SIGNAL } from './option-tables.js';
import { pathOf, type Source } from './source.js';

/** Options of `compareSelectors`: those of the run that is judged. */
export interface CompareOptions extends ModelOptions {
  /** Gives up; the promise then rejects with `signal.reason`. */
  signal?: AbortSignal | undefined;
  /** Told of a conversion, and then of the sequences that are scored, each twice. */
  onProgress?: ((progress: Progress) => void) | undefined;
}

type ScoredText = { documents: readonly string[] } | { sequences: readonly (readonly number[])[] };

/**
 * Measures what the selector of a ReLU model costs in quality. It runs the same tokens with every row that matters, and
 * then as `options` say, under the same budget. Takes texts, each cut into windows of the context, or sequences of
 * token ids as they are.
 * Throws UNSUPPORTED where no neuron is ever idle, and what `loadModel` throws.
 */
export async function compareSelectors(
  source: Source,
  text: ScoredText,
  options: CompareOptions = {},
): Promise<ComparisonResult> {
  const path = pathOf('the model', source);
  requireModelOptions<CompareOptions>('compareSelectors()', options, {
    ...MODEL_OPTIONS,
    signal: SIGNAL,
    onProgress: CALLBACK,
  });
  const scored = scoredText(text);
  const { signal, onProgress } = options;
  // Nothing is generated.
  const plain = { ...plainOptions(options), draft: 'off' as const, vision: null };
  const { store } = await preparedStore(path, plain, options);
  const args = { store, text: scored, options: plain, anonymousBefore: anonymousBytes() };
  return inWorker((channel) => channel.call('compare', args, { signal, onEvent: onProgress }));
}

/** A copy of what is to be scored. Throws BAD_USAGE where it is neither texts nor ids, or nothing. */
function scoredText(text: unknown): ScoredText {
  requirePlainObject('text', text, '{ documents } or { sequences }');
  requireKnown('compareSelectors()', text, { documents: null, sequences: null }, '');
  const { documents, sequences } = text as Record<string, unknown>;
  if (documents !== undefined && sequences !== undefined)
    throw new FlashrowError('BAD_USAGE', 'the text is `documents` or `sequences`, not both', { option: 'text' });
  if (sequences !== undefined) {
    requireSequences('sequences', sequences);
    checkScored(sequences);
    return { sequences: sequences.map((ids) => [...ids]) };
  }
  requireTexts('documents', documents);
  if (documents.every((document) => document === ''))
    throw new FlashrowError('BAD_USAGE', 'there is nothing to score: `documents` need a text that is not empty', {
      option: 'documents',
    });
  return { documents: [...documents] };
}
