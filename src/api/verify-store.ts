import type { Progress } from '../contract/progress.js';
import type { VerifyResult } from '../contract/protocol.js';
import { requireOptions } from './checks/check-arguments.js';
import { inWorker } from './in-worker.js';
import { CALLBACK, SIGNAL } from './option-tables.js';
import { pathOf, type Source } from './source.js';

/** Options of `verifyStore`. */
export interface VerifyOptions {
  /** Gives up; the promise then rejects with `signal.reason`. */
  signal?: AbortSignal | undefined;
  /** Told how many bytes have been read. */
  onProgress?: ((progress: Progress) => void) | undefined;
}

/**
 * Reads every byte of a store and compares every checksum. Damage is an answer (`ok: false`); throws BAD_USAGE,
 * NOT_FOUND, UNSUPPORTED, IO, or `signal.reason`.
 */
export async function verifyStore(store: Source, options: VerifyOptions = {}): Promise<VerifyResult> {
  const path = pathOf('the store', store, 'store');
  requireOptions('verifyStore()', options, { signal: SIGNAL, onProgress: CALLBACK });
  const { signal, onProgress } = options;
  return inWorker((channel) => channel.call('verify', { store: path }, { signal, onEvent: onProgress }));
}
