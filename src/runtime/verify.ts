import type { Progress } from './api.js';
import { inWorker } from './load-model.js';
import type { VerifyResult } from './protocol.js';

/** Reads every byte of a store and compares every checksum. Damage is an answer (`ok: false`); throws NOT_FOUND, CORRUPT (an unreadable manifest), UNSUPPORTED or IO. */
export function verify(
  store: string,
  { signal, onProgress }: { signal?: AbortSignal; onProgress?: (progress: Progress) => void } = {},
): Promise<VerifyResult> {
  return inWorker((channel) => channel.call('verify', { store }, { signal, onEvent: onProgress }));
}
