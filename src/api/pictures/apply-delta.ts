import { resolve } from 'node:path';
import type { Progress } from '../../contract/progress.js';
import type { DeltaResult } from '../../delta/apply-delta.js';
import { type OptionTable, requireOptions } from '../checks/check-arguments.js';
import { inWorker } from '../in-worker.js';
import { CALLBACK, SIGNAL } from '../option-tables.js';
import { pathOf, type Source } from '../source.js';

/** Options of `applyDelta`. */
export interface DeltaOptions {
  /**
   * The folder of CLIP ViT-L/14 at 336 pixels, which becomes a part of the merged model; default none, for a delta that
   * has its tower, or a folder that gets it later.
   */
  vision?: Source | undefined;
  /** Gives up; the promise then rejects with `signal.reason`. What was written stays for the next call. */
  signal?: AbortSignal | undefined;
  /** Told how many bytes have been written. */
  onProgress?: ((progress: Progress) => void) | undefined;
}

const OPTIONS: OptionTable<DeltaOptions> = { vision: null, signal: SIGNAL, onProgress: CALLBACK };

/**
 * Adds a base model and a delta, as Ferret's weights are published, to one folder of safetensors, which must not exist.
 * Both are Hugging Face folders with weights in safetensors or in files of PyTorch, of which tensors alone are taken:
 * no pickle is run. Goes on where an interrupted call for the same folder stopped. Throws BAD_USAGE where the two do
 * not belong together, NOT_FOUND, UNSUPPORTED, CORRUPT, DISK_FULL, NOT_WRITABLE, BUSY, IO, or `signal.reason`.
 */
export async function applyDelta(
  base: Source,
  delta: Source,
  destination: Source,
  options: DeltaOptions = {},
): Promise<DeltaResult> {
  const [from, change] = [pathOf('the base', base, 'base'), pathOf('the delta', delta, 'delta')];
  const to = pathOf('the destination', destination, 'destination');
  requireOptions('applyDelta()', options, OPTIONS);
  const { vision, signal, onProgress } = options;
  const request = {
    ...{ base: resolve(from), delta: resolve(change), destination: resolve(to) },
    vision: vision === undefined ? null : resolve(pathOf('vision', vision, 'vision')),
  };
  return inWorker((channel) => channel.call('applyDelta', request, { signal, onEvent: onProgress }));
}
