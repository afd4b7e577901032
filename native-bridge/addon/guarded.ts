import { BridgeError } from '../bridge.js';

/** Runs a call into the addon and gives its errors their type. */
export function guarded<T>(body: () => T): T {
  try {
    return body();
  } catch (error) {
    const { code, details, message } = error as BridgeError;
    if (code === undefined || details === undefined) throw error;
    throw new BridgeError(code, message, details);
  }
}
