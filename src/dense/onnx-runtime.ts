import { nativeUnavailableReason, setEnvironmentVariable } from '../../native-bridge/index.js';
import { FlashrowError } from '../errors.js';

export type OnnxRuntime = typeof import('onnxruntime-node');

/**
 * ONNX Runtime reads this variable when it is loaded. Without it, 1.30 on Linux writes a device id and a database of
 * events to the user's cache folder, and looks up mobile.events.data.microsoft.com (seen with strace).
 */
const TELEMETRY_OFF = 'ORT_DISABLE_TELEMETRY';

/**
 * Whether ONNX Runtime can be used: only where its telemetry can be turned off. That takes the addon, since a worker
 * thread cannot set a variable of the process, or the variable itself.
 */
export const onnxRuntimeIsUsable = (): boolean =>
  nativeUnavailableReason() === null || process.env[TELEMETRY_OFF] === '1';

/**
 * Turns the telemetry of ONNX Runtime off, then loads it. A static import would load it first, above all in a bundle,
 * where the imports of other packages come before everything else. It takes 12 MB of memory before it holds a weight.
 * Throws UNSUPPORTED where the package is not installed.
 */
export async function loadOnnxRuntime(): Promise<OnnxRuntime> {
  setEnvironmentVariable(TELEMETRY_OFF, '1');
  try {
    return await import('onnxruntime-node');
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const isMissing = /^(ERR_)?MODULE_NOT_FOUND$/.test(code ?? '') && message.includes('onnxruntime-node');
    if (!isMissing) throw cause;
    throw new FlashrowError(
      'UNSUPPORTED',
      "weights in f32 are computed by the package onnxruntime-node, which is not installed here: `npm i onnxruntime-node`, or convert the model with `dense: 'f16'`",
      { type: 'f32' },
      { cause },
    );
  }
}
