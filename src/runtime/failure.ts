import { BridgeError } from '../../native-bridge/bridge.js';
import { FlashrowError } from '../errors.js';
import { InsufficientMemoryError } from '../plan/insufficient-memory.js';
import type { Plan } from '../plan/plan.js';
import type { ErrorShape } from './api.js';

const BRIDGE_CODES = { CORRUPT: 'CORRUPT', IO: 'IO', MEMORY: 'INSUFFICIENT_MEMORY', USAGE: 'BAD_USAGE' } as const;

/** Any failure in a form that crosses a thread boundary. */
export function toShape(error: unknown): ErrorShape {
  if (error instanceof FlashrowError) return { code: error.code, message: error.message, details: error.details };
  if (error instanceof BridgeError)
    return { code: BRIDGE_CODES[error.code], message: error.message, details: { ...error.details } };
  return { code: 'IO', message: error instanceof Error ? error.message : String(error), details: {} };
}

export function fromShape({ code, message, details }: ErrorShape): FlashrowError {
  if (code === 'INSUFFICIENT_MEMORY' && details.plan) return new InsufficientMemoryError(details.plan as Plan);
  return new FlashrowError(code, message, details);
}
