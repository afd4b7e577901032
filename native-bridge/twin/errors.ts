import { BridgeError } from '../bridge.js';

export const usage = (message: string): BridgeError => new BridgeError('USAGE', message);

/** The bridge's own form of what `node:fs` throws. */
export function ioError(cause: unknown, path: string, offset?: number): BridgeError {
  const { code, message } = cause as NodeJS.ErrnoException;
  return new BridgeError('IO', `${path}: ${message}`, {
    path,
    errno: code,
    ...(offset === undefined ? {} : { offset }),
  });
}

/** RangeErrors of the format table are the caller's mistakes. */
export function asUsage<T>(compute: () => T): T {
  try {
    return compute();
  } catch (error) {
    throw error instanceof RangeError ? usage(error.message) : error;
  }
}

/** `new Uint8Array`, but out of memory is a BridgeError. */
export function allocate(bytes: number, what: string): Uint8Array {
  try {
    return new Uint8Array(bytes);
  } catch {
    throw new BridgeError('MEMORY', `cannot allocate ${bytes} bytes for ${what}`);
  }
}

export const isCount = (value: number): boolean => Number.isSafeInteger(value) && value >= 0;
