import { FlashrowError } from '../errors.js';
import { InsufficientMemoryError } from '../plan/insufficient-memory.js';
import type { ErrorShape } from './protocol.js';

/** The error that a failure in the worker is thrown as in the caller's thread. */
export function fromShape({ code, message, details }: ErrorShape): FlashrowError {
  if ('plan' in details && details.plan) return new InsufficientMemoryError(details.plan);
  return new FlashrowError(code, message, details);
}
