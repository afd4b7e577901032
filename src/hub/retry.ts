import { setTimeout as wait } from 'node:timers/promises';
import { FlashrowError } from '../errors.js';
import type { HubOptions } from './hub-options.js';

/** In a row, without anything in between. */
const TRIES = 5;
const FIRST_WAIT_MS = 500;

/**
 * Does `work` again where it fails in a way that waiting may mend (`details.retry`), after longer and longer waits, or
 * those that the server asks for. `progressed` says whether the failed try was worth something: then they begin anew.
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
