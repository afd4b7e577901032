import type { Progress } from '../contract/progress.js';
import type { FormatRequest } from '../store/format-choice.js';
import type { ConvertResult } from '../store/write/writer.js';
import { type OptionTable, requireOptions } from './checks/check-arguments.js';
import { inWorker } from './in-worker.js';
import { CALLBACK, SIGNAL } from './option-tables.js';
import { pathOf, type Source } from './source.js';

/** Options of `convertModel`. */
export interface ConvertOptions {
  /** Format of the streamed rows: `source` (default) keeps the checkpoint's bits, or f32, f16, q8_0, q4_0, q4_1. */
  rows?: FormatRequest | undefined;
  /** The same for the resident matrices; default `source`. */
  dense?: FormatRequest | undefined;
  /** Gives up; the promise then rejects with `signal.reason`. */
  signal?: AbortSignal | undefined;
  /** Told how many bytes have been written. */
  onProgress?: ((progress: Progress) => void) | undefined;
}

const OPTIONS: OptionTable<ConvertOptions> = { rows: null, dense: null, signal: SIGNAL, onProgress: CALLBACK };

/**
 * Converts a GGUF file or a Hugging Face folder to the store folder `store`, which must not exist. Resumes where an
 * interrupted conversion to the same place stopped. Throws BAD_USAGE, NOT_FOUND, UNSUPPORTED, CORRUPT, DISK_FULL,
 * NOT_WRITABLE, or `signal.reason`.
 */
export async function convertModel(
  source: Source,
  store: Source,
  options: ConvertOptions = {},
): Promise<ConvertResult> {
  const from = pathOf('the checkpoint', source);
  const to = pathOf('the store', store, 'store');
  requireOptions('convertModel()', options, OPTIONS);
  const { rows = 'source', dense = 'source', signal, onProgress } = options;
  return inWorker((channel) =>
    channel.call('convert', { source: from, store: to, rows, dense }, { signal, onEvent: onProgress }),
  );
}
