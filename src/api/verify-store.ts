import type { Progress } from '../contract/progress.js';
import type { VerifyResult } from '../contract/protocol.js';
import { requireOptions } from './check-arguments.js';
import { inWorker } from './in-worker.js';
import { CALLBACK, SIGNAL } from './option-tables.js';
import { pathOf, type Source } from './source.js';

/**
 * Reads every byte of a store and compares every checksum. Damage is an answer (`ok: false`); throws BAD_USAGE,
 * NOT_FOUND, UNSUPPORTED, IO, or `signal.reason`.
 */
export async function verifyStore(
  store: Source,
  options: { signal?: AbortSignal; onProgress?: (progress: Progress) => void } = {},
): Promise<VerifyResult> {
  const path = pathOf('the store', store);
  requireOptions('verifyStore()', options, { signal: SIGNAL, onProgress: CALLBACK });
  const { signal, onProgress } = options;
  return inWorker((channel) => channel.call('verify', { store: path }, { signal, onEvent: onProgress }));
}
