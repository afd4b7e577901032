import { setTimeout as wait } from 'node:timers/promises';
import { FlashrowError } from '../errors.js';
import type { HubOptions } from './hub-options.js';

/** Tries in a row that achieve nothing. */
const TRIES = 5;
const FIRST_WAIT_MS = 500;

/**
 * Does `work` again where it fails in a way that waiting may mend (`details.retry`). The waits grow longer, or are as
 * long as the server asks. `progressed` says whether the failed try achieved something: then the waits and the count of
 * tries start again.
 * Throws what the last try threw, or the signal's reason.
 */
export async function retrying<T>(
  work: () => Promise<T>,
  { onWait }: HubOptions,
  signal: AbortSignal | undefined,
  progressed: () => boolean = () => false,
): Promise<T> {
  for (let failures = 0; ; ) {
    try {
      return await work();
    } catch (error) {
      signal?.throwIfAborted();
      failures = progressed() ? 1 : failures + 1;
      if (failures === TRIES || !(error instanceof FlashrowError && error.code === 'IO' && error.details.retry))
        throw error;
      const askedMs = 1000 * (error.details.retryAfterSeconds ?? 0);
      const ms = Math.max(askedMs, FIRST_WAIT_MS * 2 ** (failures - 1));
      onWait(error, ms);
      await wait(ms, undefined, { signal }).finally(() => signal?.throwIfAborted());
    }
  }
}
