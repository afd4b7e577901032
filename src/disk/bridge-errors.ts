import { BridgeError } from '../../native-bridge/bridge.js';
import { FlashrowError } from '../errors.js';

const CODES = { CORRUPT: 'CORRUPT', IO: 'IO', MEMORY: 'INSUFFICIENT_MEMORY', USAGE: 'BAD_USAGE' } as const;

/** Any failure in flashrow's codes: a FlashrowError as it is, the bridge's by its own code, anything else as IO. */
export function asFlashrowError(error: unknown): FlashrowError {
  if (error instanceof FlashrowError) return error;
  if (error instanceof BridgeError)
    return new FlashrowError(CODES[error.code], error.message, error.details, { cause: error });
  return new FlashrowError('IO', error instanceof Error ? error.message : String(error), {}, { cause: error });
}
